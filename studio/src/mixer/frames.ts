/** Work that is done before each frame that the browser draws, as long as something moves. */

import { useEffect } from 'preact/hooks';

/** a meter takes this long to fall */
const AWAKE_MS = 2000;

/** between two frames while a job is separated, which needs the same processor */
const SPARING_MS = 40;

const works = new Set<() => void>();
let asked = false;
let until = 0;
let pause = 0;

function run(): void {
  asked = false;
  for (const work of works) work();
  if (performance.now() < until) ask();
}

function ask(): void {
  if (asked || works.size === 0) return;
  asked = true;
  if (pause === 0) requestAnimationFrame(run);
  else setTimeout(() => requestAnimationFrame(run), pause);
}

/** Something moves or has changed: the next frames are drawn. */
export function stir(): void {
  until = performance.now() + AWAKE_MS;
  ask();
}

/** Whether fewer frames are drawn from now on. */
export function spare(sparing: boolean): void {
  pause = sparing ? SPARING_MS : 0;
}

export function useFrames(work: () => void, inputs: unknown[]): void {
  useEffect(() => {
    works.add(work);
    ask();
    return () => works.delete(work);
  }, inputs);
}
