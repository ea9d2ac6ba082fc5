/**
 * The player as the audio thread runs it: takes frames from the rings, mixes them, stretches them, counts in.
 *
 * It knows no Web Audio, so that tests can run it. Where the sound starts, stops or jumps it dips to zero within a few
 * milliseconds (a seam); everywhere else samples are what the factors make of them.
 */

import { click, countInFrames, type CountIn } from './clicks.ts';
import type { EngineState, FromEngine, ToEngine } from './messages.ts';
import { addRow, Ramp } from './mix.ts';
import { Rings, type Frames } from './rings.ts';
import { Stretcher, type StretchWasm } from './stretch.ts';

const FADE_S = 0.004;
/** after waiting for data, this much must be there before the sound goes on */
const RESUME_S = 0.25;
const REPORTS_PER_S = 30;
/** the most frames that are mixed in one call */
const LARGEST = 1 << 14;

export class Engine {
  private rate: number;
  private send: (message: FromEngine) => void;
  private rings: Rings;
  private ramps = new Map<string, Ramp>();
  private peaks = new Map<string, number>();
  private sumPeak: [number, number] = [0, 0];
  private sums: [Float64Array, Float64Array] = [new Float64Array(LARGEST), new Float64Array(LARGEST)];
  private state: EngineState = 'stopped';
  private epoch = 0;
  private seams: number[] = [];
  private stopAt: number | null = null;
  private last = false;
  private counting: { count: CountIn; frame: number } | null = null;
  private stretcher: Stretcher | null = null;
  private stretching = false;
  private primed = false;
  private semitones = 0;
  private tempo = 1;
  private tail = 0;
  private sinceReport = 0;
  private readonly fade: number;

  constructor(rate: number, capacity: number, send: (message: FromEngine) => void) {
    this.rate = rate;
    this.send = send;
    this.rings = new Rings(capacity);
    this.fade = Math.round(FADE_S * rate);
  }

  useStretch(wasm: StretchWasm): void {
    this.stretcher = new Stretcher(wasm, this.rate);
    this.change(this.semitones, this.tempo);
  }

  handle(message: ToEngine): void {
    switch (message.type) {
      case 'rows':
        this.rings.setRows(message.names, message.channels);
        break;
      case 'levels':
        this.setLevels(message.levels);
        break;
      case 'push':
        if (message.epoch !== this.epoch) return;
        this.rings.push(message.pieces, message.count);
        this.last = message.last;
        break;
      case 'cut':
        this.cut(message.epoch, message.after, message.seam);
        break;
      case 'play':
        this.play(message.countIn);
        break;
      case 'pause':
        this.pause();
        break;
      case 'change':
        this.change(message.semitones, message.tempo);
    }
  }

  /** Fills two channels with the next frames. */
  render(left: Float32Array, right: Float32Array): void {
    left.fill(0);
    right.fill(0);
    const from = this.state === 'counting' ? this.countIn(left, right) : 0;
    if (from < left.length && (this.state === 'playing' || this.state === 'waiting')) {
      this.playInto(left.subarray(from), right.subarray(from));
    }
    for (let i = 0; i < left.length; i++) {
      this.sumPeak[0] = Math.max(this.sumPeak[0], Math.abs(left[i]!));
      this.sumPeak[1] = Math.max(this.sumPeak[1], Math.abs(right[i]!));
    }
    if (this.state === 'stopped' || this.state === 'ended') return;
    this.sinceReport += left.length;
    if (this.sinceReport >= this.rate / REPORTS_PER_S) this.report();
  }

  private setLevels(levels: Record<string, { left: number; right: number }>): void {
    const frames = this.state === 'playing' ? this.fade : 0;
    for (const [name, factors] of Object.entries(levels)) {
      const ramp = this.ramps.get(name);
      if (ramp) ramp.to(factors, frames);
      else this.ramps.set(name, new Ramp(factors));
    }
  }

  private cut(epoch: number, after: number, seam: boolean): void {
    this.epoch = epoch;
    this.last = false;
    this.rings.truncate(this.rings.read + after);
    const index = this.rings.write;
    if (seam) this.seams.push(index);
    if (seam && this.state === 'ended') this.state = 'stopped';
    if (this.state !== 'playing') this.primed = false;
    this.tail = 0;
    this.send({ type: 'cut', epoch, index });
  }

  private play(countIn: CountIn | null): void {
    this.stopAt = null;
    this.counting = countIn && countIn.beats > 0 ? { count: countIn, frame: 0 } : null;
    this.state = this.counting ? 'counting' : 'waiting';
    this.report();
  }

  private pause(): void {
    if (this.state === 'playing') {
      const ahead = Math.min(this.fade, this.rings.waiting);
      this.stopAt = this.rings.read + ahead;
      this.seams.push(this.stopAt);
    } else {
      this.stop('stopped');
    }
  }

  private stop(state: EngineState): void {
    this.rings.read = this.heard();
    this.primed = false;
    this.tail = 0;
    this.stopAt = null;
    this.state = state;
    this.report();
  }

  private change(semitones: number, tempo: number): void {
    const was = this.stretching;
    const heard = this.heard();
    this.semitones = semitones;
    this.tempo = tempo;
    this.stretching = this.stretcher !== null && (semitones !== 0 || tempo !== 1);
    this.stretcher?.setKey(semitones);
    if (was === this.stretching) return;
    this.rings.read = heard;
    this.primed = false;
    this.tail = 0;
    this.seams.push(heard);
  }

  /** The frame of the queue that is heard now. */
  private heard(): number {
    if (!this.stretching || !this.primed) return this.rings.read;
    const latency = this.stretcher!.latency(this.tempo);
    return Math.max(0, this.rings.read + this.tail - latency);
  }

  private countIn(left: Float32Array, right: Float32Array): number {
    const { count, frame } = this.counting!;
    const frames = Math.min(left.length, countInFrames(count, this.rate) - frame);
    for (let i = 0; i < frames; i++) left[i] = right[i] = click(frame + i, count, this.rate);
    this.counting!.frame += frames;
    if (frames < left.length) {
      this.counting = null;
      this.state = 'waiting';
    }
    return frames;
  }

  private playInto(left: Float32Array, right: Float32Array): void {
    const ahead = this.stretching
      ? this.stretcher!.needed(left.length, this.tempo) +
        (this.primed ? 0 : this.stretcher!.latency(this.tempo))
      : left.length;
    if (this.state === 'waiting') {
      const enough = Math.max(ahead, Math.round(RESUME_S * this.rate));
      if (this.rings.waiting < enough && !this.last) return;
      this.state = 'playing';
      this.seams.push(this.rings.read);
    }
    if (this.rings.waiting < ahead && !this.last) {
      this.state = 'waiting';
      if (!this.stretching) this.takeWhatIsThere(left, right);
      return;
    }
    if (this.stretching) this.stretchInto(left, right);
    else this.takeWhatIsThere(left, right);
    if (this.stretching && this.stopAt !== null) {
      fadeOut(left, right); // the seam of the input is not heard yet
      this.stop('stopped');
    } else if (this.stopAt !== null && this.rings.read >= this.stopAt) this.stop('stopped');
    else if (this.last && this.rings.waiting === 0 && this.isOver()) this.stop('ended');
  }

  private isOver(): boolean {
    return !this.stretching || this.tail >= this.stretcher!.latency(this.tempo);
  }

  private takeWhatIsThere(left: Float32Array, right: Float32Array): void {
    const until = this.stopAt === null ? Infinity : this.stopAt - this.rings.read;
    this.mixInto(left, right, Math.min(left.length, this.rings.waiting, until));
  }

  private stretchInto(left: Float32Array, right: Float32Array): void {
    const source = (l: Frames, r: Frames, count: number) => {
      l.fill(0);
      r.fill(0);
      const there = Math.min(count, this.rings.waiting);
      this.mixInto(l, r, there);
      this.tail += count - there;
    };
    if (!this.primed) this.stretcher!.start(source, this.tempo);
    this.primed = true;
    this.stretcher!.process(source, this.tempo, left, right);
  }

  private mixInto(left: Float32Array, right: Float32Array, count: number): void {
    const [sumLeft, sumRight] = this.sums;
    const start = this.rings.read;
    sumLeft.fill(0, 0, count);
    sumRight.fill(0, 0, count);
    for (const name of this.rings.names()) {
      const ramp = this.ramps.get(name);
      if (!ramp) continue;
      const peak = addRow(this.sums, this.rings.channels(name), start, count, ramp);
      this.peaks.set(name, Math.max(this.peaks.get(name) ?? 0, peak));
    }
    const starving = this.rings.waiting - count < this.fade && !this.last;
    const seams = starving ? [...this.seams, this.rings.write] : this.seams;
    for (let i = 0; i < count; i++) {
      let dip = 1;
      for (const seam of seams) dip = Math.min(dip, Math.abs(start + i - seam) / this.fade);
      left[i] = dip * sumLeft[i]!;
      right[i] = dip * sumRight[i]!;
    }
    this.rings.read += count;
    this.seams = this.seams.filter((seam) => seam + this.fade > this.rings.read);
  }

  private report(): void {
    this.sinceReport = 0;
    this.send({
      type: 'report',
      state: this.state,
      index: this.heard(),
      write: this.rings.write,
      peaks: Object.fromEntries(this.peaks),
      sum: [...this.sumPeak],
    });
    this.peaks.clear();
    this.sumPeak = [0, 0];
  }
}

function fadeOut(left: Float32Array, right: Float32Array): void {
  for (let i = 0; i < left.length; i++) {
    left[i]! *= 1 - i / left.length;
    right[i]! *= 1 - i / left.length;
  }
}
