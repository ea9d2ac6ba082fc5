/**
 * Another key and another tempo, by Signalsmith Stretch.
 *
 * What goes in is heard `inputLatency` frames of input and `outputLatency` frames of output later. `start` takes that
 * much in advance, so that the first frame that comes out is the one that was asked for.
 */

import type { Frames } from './rings.ts';

/** What the WASM build of the library exports. Pointers are bytes, counts are frames. */
export interface StretchWasm {
  exports?: { memory: WebAssembly.Memory };
  HEAP8: Int8Array;
  _main(): void;
  _presetDefault(channels: number, rate: number): void;
  _setBuffers(channels: number, frames: number): number;
  _inputLatency(): number;
  _outputLatency(): number;
  _setTransposeSemitones(semitones: number, limit: number): void;
  _seek(frames: number, speed: number): void;
  _process(inputs: number, outputs: number): void;
  _reset(): void;
}

/** Fills two channels with the next `count` frames of the mix. */
export type Source = (left: Frames, right: Frames, count: number) => void;

const CHANNELS = 2;
/** the most frames in one call, at twice the tempo */
const BUFFER = 1 << 14;
/** above this, harmonics keep their distances: the library's own choice */
const TONALITY_HZ = 8000;

export class Stretcher {
  readonly inputLatency: number;
  readonly outputLatency: number;
  private wasm: StretchWasm;
  private rate: number;
  private pointer: number;
  private remainder = 0;

  constructor(wasm: StretchWasm, rate: number) {
    this.wasm = wasm;
    this.rate = rate;
    wasm._main();
    wasm._presetDefault(CHANNELS, rate);
    this.pointer = wasm._setBuffers(CHANNELS, BUFFER);
    this.inputLatency = wasm._inputLatency();
    this.outputLatency = wasm._outputLatency();
  }

  /** Frames of input between what was taken and what is heard. */
  latency(tempo: number): number {
    return this.inputLatency + Math.round(this.outputLatency * tempo);
  }

  setKey(semitones: number): void {
    this.wasm._setTransposeSemitones(semitones, TONALITY_HZ / this.rate);
  }

  start(source: Source, tempo: number): void {
    const before = this.inputLatency + this.outputLatency;
    const [left, right] = this.inputs(before);
    const silence = this.outputLatency;
    left.fill(0, 0, silence);
    right.fill(0, 0, silence);
    source(
      left.subarray(silence) as Frames,
      right.subarray(silence) as Frames,
      this.inputLatency,
    );
    this.wasm._reset();
    this.wasm._seek(before, tempo);
    this.remainder = 0;
    const ahead = Math.round(this.outputLatency * tempo);
    const [nextLeft, nextRight] = this.inputs(ahead);
    source(nextLeft, nextRight, ahead);
    this.wasm._process(ahead, this.outputLatency);
  }

  /** How many frames of input the next `count` frames of output take. */
  needed(count: number, tempo: number): number {
    return Math.floor(count * tempo + this.remainder);
  }

  process(source: Source, tempo: number, left: Float32Array, right: Float32Array): void {
    const outputs = left.length;
    const inputs = this.needed(outputs, tempo);
    this.remainder += outputs * tempo - inputs;
    const [inLeft, inRight] = this.inputs(inputs);
    source(inLeft, inRight, inputs);
    this.wasm._process(inputs, outputs);
    left.set(this.view(2, outputs));
    right.set(this.view(3, outputs));
  }

  private inputs(count: number): [Frames, Frames] {
    return [this.view(0, count), this.view(1, count)];
  }

  /** Made anew each time: the memory moves when it grows. */
  private view(buffer: number, count: number): Frames {
    const memory = this.wasm.exports ? this.wasm.exports.memory.buffer : this.wasm.HEAP8.buffer;
    return new Float32Array(memory as ArrayBuffer, this.pointer + 4 * BUFFER * buffer, count);
  }
}
