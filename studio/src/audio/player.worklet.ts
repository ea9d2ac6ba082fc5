/** The audio thread's end of the player: the engine between a message port and the outputs. */

import stretchModule from 'virtual:stretch-wasm';

import { Engine } from './engine.ts';
import type { ToEngine } from './messages.ts';

declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
  constructor(options?: { processorOptions?: { capacity: number } });
}
declare function registerProcessor(name: string, processor: unknown): void;

class Player extends AudioWorkletProcessor {
  private engine: Engine;

  constructor(options: { processorOptions: { capacity: number } }) {
    super();
    const { capacity } = options.processorOptions;
    this.engine = new Engine(sampleRate, capacity, (message) => this.port.postMessage(message));
    this.port.onmessage = ({ data }: MessageEvent<ToEngine>) => {
      this.engine.handle(data);
      if (data.type !== 'push') return;
      const buffers = Object.values(data.pieces).map((piece) => piece.buffer);
      this.port.postMessage({ type: 'used', buffers }, buffers);
    };
    void stretchModule().then((wasm) => {
      this.engine.useStretch(wasm);
      this.port.postMessage({ type: 'ready' });
    });
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const [left, right] = outputs[0]!;
    this.engine.render(left!, right!);
    return true;
  }
}

registerProcessor('unweave-player', Player);
