/** Work that is done before each frame that the browser draws, as long as something moves. */

import { useEffect } from 'preact/hooks';

/** a meter takes this long to fall */
const AWAKE_MS = 2000;

const works = new Set<() => void>();
let asked = false;
let until = 0;

function run(): void {
  asked = false;
  for (const work of works) work();
  if (performance.now() < until) ask();
}

function ask(): void {
  if (asked || works.size === 0) return;
  asked = true;
  requestAnimationFrame(run);
}

/** Something moves or has changed: the next frames are drawn. */
export function stir(): void {
  until = performance.now() + AWAKE_MS;
  ask();
}

export function useFrames(work: () => void, inputs: unknown[]): void {
  useEffect(() => {
    works.add(work);
    ask();
    return () => works.delete(work);
  }, inputs);
}
