/**
 * Sound of the service in blocks on a fixed grid, of which the last ones used are kept.
 *
 * So a short loop or a step back is there at once, and memory stays the same however long the song is. A block that is
 * not kept any more has no frames from then on.
 */

import type { Late, Pcm } from '../api/client.ts';
import { give } from './buffers.ts';

export const BLOCK = 1 << 15;

const EMPTY = new Float32Array(0);

export type FetchPcm = (row: string, start: number, count: number) => Promise<Late<Pcm>>;

export class Blocks {
  private fetchPcm: FetchPcm;
  private limit: number;
  private bytes = 0;
  /** in the order of their last use */
  private whole = new Map<string, Pcm>();
  private underWay = new Map<string, Promise<Late<Pcm>>>();

  constructor(fetchPcm: FetchPcm, limitBytes: number) {
    this.fetchPcm = fetchPcm;
    this.limit = limitBytes;
  }

  /** Block `number` of a row, `count` frames long; fewer frames where the rest is not separated yet. */
  async get(row: string, number: number, count: number): Promise<Late<Pcm>> {
    const key = `${number} ${row}`;
    const kept = this.whole.get(key);
    if (kept) {
      this.whole.delete(key);
      this.whole.set(key, kept);
      return { value: kept, wait: 0 };
    }
    const running = this.underWay.get(key) ?? this.load(key, row, number, count);
    return running;
  }

  clear(): void {
    this.shrink(0);
  }

  private load(key: string, row: string, number: number, count: number): Promise<Late<Pcm>> {
    const running = this.fetchPcm(row, number * BLOCK, count)
      .then((answer) => {
        if (answer.value && answer.value.count >= count) this.keep(key, answer.value);
        return answer;
      })
      .finally(() => this.underWay.delete(key));
    this.underWay.set(key, running);
    return running;
  }

  private keep(key: string, block: Pcm): void {
    this.whole.set(key, block);
    this.bytes += block.frames.byteLength;
    this.shrink(this.limit);
  }

  private shrink(limit: number): void {
    for (const [oldest, block] of this.whole) {
      if (this.bytes <= limit) break;
      this.whole.delete(oldest);
      this.bytes -= block.frames.byteLength;
      give(block.frames.buffer);
      block.frames = EMPTY;
    }
  }
}
