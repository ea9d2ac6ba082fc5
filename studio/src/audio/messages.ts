/** What the page and the engine in the audio thread say to each other. */

import type { CountIn } from './clicks.ts';
import type { Factors } from './levels.ts';

export type ToEngine =
  | { type: 'rows'; names: string[]; channels: number }
  | { type: 'levels'; levels: Record<string, Factors> }
  | { type: 'push'; epoch: number; pieces: Record<string, Float32Array>; count: number; last: boolean }
  /** forgets what is queued more than `after` frames ahead; with `seam` the sound dips there */
  | { type: 'cut'; epoch: number; after: number; seam: boolean }
  | { type: 'play'; countIn: CountIn | null }
  | { type: 'pause' }
  | { type: 'change'; semitones: number; tempo: number };

export type EngineState = 'stopped' | 'counting' | 'playing' | 'waiting' | 'ended';

export type FromEngine =
  | { type: 'cut'; epoch: number; index: number }
  | { type: 'ready' }
  /** buffers of pieces, which are queued now */
  | { type: 'used'; buffers: ArrayBuffer[] }
  | {
      type: 'report';
      state: EngineState;
      /** the frame of the queue that is heard now, and the next that is written */
      index: number;
      write: number;
      /** highest absolute value of each row and of the sum since the last report */
      peaks: Record<string, number>;
      sum: [number, number];
    };
