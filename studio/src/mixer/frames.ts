/** Work that is done before each frame that the browser draws, as long as it is wanted. */

import { useEffect } from 'preact/hooks';

const works = new Set<() => void>();
let asked = false;

function run(): void {
  asked = false;
  for (const work of works) work();
  ask();
}

function ask(): void {
  if (asked || works.size === 0) return;
  asked = true;
  requestAnimationFrame(run);
}

export function eachFrame(work: () => void): () => void {
  works.add(work);
  ask();
  return () => works.delete(work);
}

export function useFrames(work: () => void, inputs: unknown[]): void {
  useEffect(() => eachFrame(work), inputs);
}
