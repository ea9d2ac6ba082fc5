/**
 * Keeps the engine's queue filled: plans which frames come next, fetches them for all rows, and sends them.
 *
 * All rows of a piece are sent together, so that none is ahead of another. Where a stem is not separated that far the
 * feeder asks again later; the engine waits meanwhile.
 */

import type { Late, Pcm } from '../api/client.ts';
import { BLOCK, type Blocks } from './blocks.ts';
import { copied } from './buffers.ts';
import { nextPiece, withSpan, type Loop, type Span } from './plan.ts';

export interface FeederEvents {
  push: (pieces: Record<string, Float32Array>, count: number, last: boolean) => void;
  /** true while the next frames are not there yet */
  late: (late: boolean) => void;
  failed: (problem: unknown) => void;
}

export class Feeder {
  spans: Span[] = [];
  rows: string[] = [];
  loop: Loop | null = null;
  private blocks: Blocks;
  private length: number;
  private ahead: number;
  private events: FeederEvents;
  private position: number | null = 0;
  private index = 0;
  private heard = 0;
  private generation = 0;
  private running = false;
  private wake: (() => void) | null = null;
  private wants: 'room' | 'data' = 'room';

  /** `length` of the song and `ahead`, how much is queued at the most, in frames. */
  constructor(blocks: Blocks, length: number, ahead: number, events: FeederEvents) {
    this.blocks = blocks;
    this.length = length;
    this.ahead = ahead;
    this.events = events;
  }

  /** Queues the song from `position` on, to be heard at frame `index` of the queue. */
  start(position: number, index: number): void {
    this.generation++;
    this.position = position;
    this.index = index;
    this.spans = withSpan(this.spans, { index, position }, this.heard);
    this.running = true;
    void this.feed(this.generation);
  }

  /** The song is shorter or longer than it seemed. */
  setLength(length: number): void {
    this.length = length;
    this.blocks.clear();
  }

  stop(): void {
    this.generation++;
    this.running = false;
    this.nudge();
  }

  /** The engine has come to frame `heard` of the queue. */
  consumed(heard: number): void {
    this.heard = heard;
    if (this.wants === 'room' && this.index - heard < this.ahead) this.nudge();
  }

  /** More of the song is separated, or the service is back. */
  nudge(): void {
    this.wake?.();
    this.wake = null;
  }

  private async feed(generation: number): Promise<void> {
    const current = () => this.running && generation === this.generation;
    while (current()) {
      if (this.index - this.heard >= this.ahead || this.position === null) {
        await this.sleep(1000, 'room');
        continue;
      }
      try {
        const wait = await this.step(current);
        if (wait > 0 && current()) {
          this.events.late(true);
          await this.sleep(wait, 'data');
        }
      } catch (problem) {
        if (!current()) return;
        this.events.failed(problem);
        await this.sleep(2000, 'data');
      }
    }
  }

  /** Sends the next piece. Returns how many milliseconds to wait where it is not there yet. */
  private async step(current: () => boolean): Promise<number> {
    const position = this.position!;
    const number = Math.floor(position / BLOCK);
    const offset = position - number * BLOCK;
    const piece = nextPiece(position, this.loop, this.length, BLOCK - offset);
    if (piece === null) {
      this.position = null;
      this.events.late(false);
      this.events.push({}, 0, true);
      return 0;
    }
    const rows = this.rows;
    const blocks = await Promise.all(rows.map((row) => this.block(row, number)));
    if (!current() || rows !== this.rows) return 0;
    const there = Math.min(...blocks.map(({ value }) => framesOf(value) - offset));
    const count = Math.min(piece.count, there);
    if (count <= 0) return Math.max(250, ...blocks.map((block) => block.wait));
    const pieces: Record<string, Float32Array> = {};
    blocks.forEach(({ value }, i) => {
      const channels = value!.channels;
      pieces[rows[i]!] = copied(value!.frames.subarray(offset * channels, (offset + count) * channels));
    });
    const next = count < piece.count ? position + count : piece.next;
    this.events.late(false);
    this.events.push(pieces, count, next === null);
    this.index += count;
    this.position = next;
    if (next !== null && next !== position + count) {
      this.spans = withSpan(this.spans, { index: this.index, position: next }, this.heard);
    }
    return 0;
  }

  private block(row: string, number: number): Promise<Late<Pcm>> {
    const count = Math.min(BLOCK, this.length - number * BLOCK);
    return this.blocks.get(row, number, count);
  }

  private sleep(milliseconds: number, wants: 'room' | 'data'): Promise<void> {
    this.wants = wants;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Frames of a block that are there: none where it is not kept any more. */
const framesOf = (block: Pcm | null): number => (block ? block.frames.length / block.channels : 0);
