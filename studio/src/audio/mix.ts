/** The mixer's arithmetic: rows times factors, summed in double precision and rounded once. */

import type { Factors } from './levels.ts';
import type { Frames } from './rings.ts';

/** A pair of factors on its way from one value to another, in a straight line. */
export class Ramp {
  private left = 0;
  private right = 0;
  private stepLeft = 0;
  private stepRight = 0;
  private steps = 0;
  private target: Factors;

  constructor(start: Factors) {
    this.target = start;
    this.left = start.left;
    this.right = start.right;
  }

  /** Goes to `target` within `frames`; none at all is at once. */
  to(target: Factors, frames: number): void {
    if (target.left === this.target.left && target.right === this.target.right) return;
    this.target = target;
    this.steps = frames;
    if (frames === 0) this.arrive();
    this.stepLeft = (target.left - this.left) / Math.max(frames, 1);
    this.stepRight = (target.right - this.right) / Math.max(frames, 1);
  }

  get moving(): boolean {
    return this.steps > 0;
  }

  get value(): Factors {
    return { left: this.left, right: this.right };
  }

  advance(): void {
    if (this.steps === 0) return;
    this.left += this.stepLeft;
    this.right += this.stepRight;
    if (--this.steps === 0) this.arrive();
  }

  private arrive(): void {
    this.left = this.target.left;
    this.right = this.target.right;
    this.stepLeft = this.stepRight = 0;
  }
}

/**
 * Adds `count` frames of a row, from ring index `start` on, to the two sums. Returns the highest absolute value of
 * what was added. A row of one channel goes to both sides.
 */
export function addRow(
  sums: [Float64Array, Float64Array],
  channels: Frames[],
  start: number,
  count: number,
  ramp: Ramp,
): number {
  const [left, right] = sums;
  const first = channels[0]!;
  const second = channels[1] ?? first;
  const mask = first.length - 1;
  let peak = 0;
  if (!ramp.moving) {
    const { left: l, right: r } = ramp.value;
    if (l === 0 && r === 0) return 0;
    for (let i = 0; i < count; i++) {
      const at = (start + i) & mask;
      const a = l * first[at]!;
      const b = r * second[at]!;
      left[i]! += a;
      right[i]! += b;
      peak = Math.max(peak, Math.abs(a), Math.abs(b));
    }
    return peak;
  }
  for (let i = 0; i < count; i++) {
    ramp.advance();
    const { left: l, right: r } = ramp.value;
    const at = (start + i) & mask;
    const a = l * first[at]!;
    const b = r * second[at]!;
    left[i]! += a;
    right[i]! += b;
    peak = Math.max(peak, Math.abs(a), Math.abs(b));
  }
  return peak;
}
