/**
 * Buffers that are used again: for the blocks that are kept, and for what goes to the audio thread and comes back.
 *
 * As garbage they would stay for long, as the browser does not see how large what it has handed out is.
 */

/** so many wait to be used */
const MOST = 32;

let waiting: ArrayBuffer[] = [];

/** A buffer of `bytes` or more, with anything in it. */
export function take(bytes: number): ArrayBuffer {
  const place = waiting.findIndex((buffer) => buffer.byteLength >= bytes);
  return place < 0 ? new ArrayBuffer(bytes) : waiting.splice(place, 1)[0]!;
}

/** It is not needed any more. */
export function give(buffer: ArrayBuffer): void {
  waiting = [buffer, ...waiting].slice(0, MOST);
}

/** A copy in such a buffer. */
export function copied(frames: Float32Array): Float32Array<ArrayBuffer> {
  const copy = new Float32Array(take(frames.byteLength), 0, frames.length);
  copy.set(frames);
  return copy;
}
