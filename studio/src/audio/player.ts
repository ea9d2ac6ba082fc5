/** The player of one job as the page sees it: what is set and heard, and the audio thread behind it. */

import { computed, effect, signal } from '@preact/signals';

import { pcm } from '../api/client.ts';
import type { Job } from '../api/types.ts';
import { Blocks } from './blocks.ts';
import { give } from './buffers.ts';
import type { CountIn } from './clicks.ts';
import { Feeder } from './feeder.ts';
import { audible, factors, NEUTRAL, type Factors, type RowSettings } from './levels.ts';
import type { EngineState, FromEngine, ToEngine } from './messages.ts';
import { loopOf, positionAt } from './plan.ts';
import workletAddress from './player.worklet.ts?worker&url';

export const MIX = 'mix';

/** frames in the queue of the audio thread, and how many of them are filled ahead */
const CAPACITY = 1 << 18;
const AHEAD = 5 * (1 << 15);
const CACHE_BYTES = 32 * 1024 * 1024;
/** what is queued this much ahead stays when the loop or the rows change */
const LEAD_S = 0.15;
const SHORTEST_LOOP_S = 0.02;

/** Frames of a job's recording: not every format says them before it is decoded. */
export function lengthOf(job: Job): number {
  const { samples, duration_s, sample_rate_hz } = job.source;
  if (samples !== null) return samples;
  if (job.state === 'done' && job.available_samples > 0) return job.available_samples;
  return Math.ceil((duration_s ?? 0) * (sample_rate_hz ?? 0));
}

interface Saved {
  rows: Record<string, RowSettings>;
  marks: [number | null, number | null];
  semitones: number;
  tempo: number;
  countIn: CountIn;
}

export class Player {
  readonly id: string;
  readonly rate: number;
  /** frames; a guess by the duration while nobody knows better */
  length: number;
  readonly channels: number;
  readonly stems: string[];

  readonly state = signal<EngineState>('stopped');
  /** goes up with every word of the audio thread, and with every jump */
  readonly moved = signal(0);
  readonly late = signal(false);
  readonly problem = signal<unknown>(null);
  readonly rows = signal<Record<string, RowSettings>>({});
  readonly compare = signal(false);
  readonly marks = signal<[number | null, number | null]>([null, null]);
  readonly looping = signal(false);
  readonly semitones = signal(0);
  readonly tempo = signal(1);
  readonly countIn = signal<CountIn>({ beats: 0, bpm: 120 });
  readonly heard = computed(() => new Set(audible(this.rows.value)));
  readonly running = computed(() => ['counting', 'playing', 'waiting'].includes(this.state.value));
  readonly loop = computed(() => {
    const [a, b] = this.marks.value;
    return a === null || b === null ? null : loopOf(a, b, this.length, SHORTEST_LOOP_S * this.rate);
  });

  /** highest absolute values of the last report, for the meters */
  peaks: Record<string, number> = {};
  sum: [number, number] = [0, 0];
  context: AudioContext | null = null;

  private blocks: Blocks;
  private feeder: Feeder;
  private node: AudioWorkletNode | null = null;
  private starting: Promise<void> | null = null;
  private epoch = 0;
  private jump: number | null = 0;
  private continuing = false;
  private index = 0;
  private reported = 0;
  private effects: (() => void)[] = [];

  constructor(job: Job) {
    this.id = job.id;
    this.rate = job.source.sample_rate_hz!;
    this.length = lengthOf(job);
    this.channels = job.source.channels ?? 2;
    this.stems = job.stems;
    this.blocks = new Blocks((row, start, count) => pcm(this.id, row, start, count), CACHE_BYTES);
    this.feeder = new Feeder(this.blocks, this.length, AHEAD, {
      push: (pieces, count, last) =>
        this.post({ type: 'push', epoch: this.epoch, pieces, count, last }, pieces),
      late: (late) => (this.late.value = late),
      failed: (problem) => (this.problem.value = problem),
    });
    this.feeder.rows = [...this.stems];
    this.restore();
    this.effects.push(
      effect(() => this.post({ type: 'levels', levels: this.levels() })),
      effect(() =>
        this.post({ type: 'change', semitones: this.semitones.value, tempo: this.tempo.value }),
      ),
      effect(() => this.save()),
      effect(() => {
        const loop = this.looping.value ? this.loop.value : null;
        if (loop?.start === this.feeder.loop?.start && loop?.end === this.feeder.loop?.end) return;
        this.feeder.loop = loop;
        this.goOn();
      }),
    );
  }

  /** The frame of the song that is heard now. */
  position(): number {
    if (this.jump !== null) return this.jump;
    const moving = this.state.value === 'playing' && this.context !== null;
    const since = moving ? (performance.now() - this.reported) / 1000 - this.delay() : 0;
    const index = this.index + Math.max(-this.index, since * this.rate * this.tempo.value);
    return Math.min(this.length, Math.round(positionAt(this.feeder.spans, index)));
  }

  async play(): Promise<void> {
    this.problem.value = null;
    try {
      await (this.starting ??= this.open());
      await this.context!.resume();
    } catch (problem) {
      this.starting = null;
      this.problem.value = problem;
      return;
    }
    if (this.state.value === 'ended') this.seek(this.looping.value ? (this.loop.value?.start ?? 0) : 0);
    this.post({ type: 'play', countIn: this.countIn.value });
  }

  pause(): void {
    this.post({ type: 'pause' });
  }

  toggle(): void {
    if (this.running.value) this.pause();
    else void this.play();
  }

  /** Goes to a frame of the song. */
  seek(position: number): void {
    this.jump = Math.max(0, Math.min(this.length, Math.round(position)));
    this.moved.value++;
    if (this.state.value === 'ended') this.state.value = 'stopped';
    this.cut(this.running.value ? 0.004 * this.rate : 0, true);
  }

  setRow(name: string, change: Partial<RowSettings>): void {
    const row = { ...(this.rows.value[name] ?? NEUTRAL), ...change };
    this.rows.value = { ...this.rows.value, [name]: row };
  }

  /** The mix as it was instead of the stems; it is fetched from the first time on. */
  setCompare(compare: boolean): void {
    this.compare.value = compare;
    if (!compare || this.feeder.rows.includes(MIX)) return;
    this.feeder.rows = [...this.stems, MIX];
    this.goOn();
  }

  setMark(which: 0 | 1, position: number | null): void {
    const marks: [number | null, number | null] = [...this.marks.value];
    marks[which] = position === null ? null : Math.round(position);
    this.marks.value = marks;
  }

  /** More of the song is separated, or its length is known now. */
  update(job: Job): void {
    const length = lengthOf(job);
    if (length !== this.length) {
      this.length = length;
      this.feeder.setLength(length);
    }
    this.feeder.nudge();
  }

  close(): void {
    this.feeder.stop();
    for (const stop of this.effects) stop();
    void this.context?.close();
  }

  private async open(): Promise<void> {
    const context = new AudioContext({ sampleRate: this.rate, latencyHint: 'interactive' });
    await context.audioWorklet.addModule(workletAddress);
    this.context = context;
    this.node = new AudioWorkletNode(context, 'unweave-player', {
      numberOfInputs: 0,
      outputChannelCount: [2],
      processorOptions: { capacity: CAPACITY },
    });
    this.node.port.onmessage = ({ data }: MessageEvent<FromEngine>) => this.receive(data);
    this.node.connect(context.destination);
    this.sendRows();
    this.post({ type: 'levels', levels: this.levels() });
    this.post({ type: 'change', semitones: this.semitones.value, tempo: this.tempo.value });
    this.cut(0, true);
  }

  private levels(): Record<string, Factors> {
    const heard = this.compare.value ? new Set<string>() : this.heard.value;
    const levels: Record<string, Factors> = {};
    for (const stem of this.stems) {
      levels[stem] = factors(this.rows.value[stem] ?? NEUTRAL, heard.has(stem));
    }
    levels[MIX] = factors(NEUTRAL, this.compare.value);
    return levels;
  }

  /** Queues anew what is not near enough to be heard: the loop or the rows have changed. */
  private goOn(): void {
    this.continuing = this.jump === null;
    this.cut(LEAD_S * this.rate, false);
  }

  private cut(after: number, seam: boolean): void {
    if (!this.node) return;
    if (seam) this.continuing = false;
    this.feeder.stop();
    this.sendRows();
    this.epoch++;
    this.post({ type: 'cut', epoch: this.epoch, after: Math.round(after), seam });
  }

  private sendRows(): void {
    this.post({ type: 'rows', names: this.feeder.rows, channels: this.channels });
  }

  private receive(message: FromEngine): void {
    if (message.type === 'cut') {
      if (message.epoch !== this.epoch) return;
      const position = this.continuing
        ? positionAt(this.feeder.spans, message.index)
        : (this.jump ?? positionAt(this.feeder.spans, message.index));
      this.feeder.start(position, message.index);
      if (this.jump !== null) this.index = message.index;
      this.jump = null;
      this.moved.value++;
    } else if (message.type === 'used') {
      message.buffers.forEach(give);
    } else if (message.type === 'report') {
      this.state.value = message.state;
      this.peaks = message.peaks;
      this.sum = message.sum;
      this.reported = performance.now();
      if (this.jump !== null) return;
      this.index = message.index;
      this.feeder.consumed(message.index);
      this.moved.value++;
    }
  }

  private post(message: ToEngine, pieces: Record<string, Float32Array> = {}): void {
    this.node?.port.postMessage(
      message,
      Object.values(pieces).map((piece) => piece.buffer as ArrayBuffer),
    );
  }

  /** Seconds from the audio thread to the ear. */
  private delay(): number {
    return (this.context?.outputLatency || this.context?.baseLatency) ?? 0;
  }

  private restore(): void {
    const rows: Record<string, RowSettings> = {};
    const saved = this.saved();
    for (const stem of this.stems) rows[stem] = { ...NEUTRAL, ...saved?.rows?.[stem] };
    this.rows.value = rows;
    if (!saved) return;
    this.marks.value = saved.marks ?? [null, null];
    this.semitones.value = saved.semitones ?? 0;
    this.tempo.value = saved.tempo ?? 1;
    this.countIn.value = saved.countIn ?? { beats: 0, bpm: 120 };
  }

  private saved(): Partial<Saved> | null {
    try {
      return JSON.parse(localStorage.getItem(`player ${this.id}`) ?? 'null') as Partial<Saved> | null;
    } catch {
      return null;
    }
  }

  private save(): void {
    const saved: Saved = {
      rows: this.rows.value,
      marks: this.marks.value,
      semitones: this.semitones.value,
      tempo: this.tempo.value,
      countIn: this.countIn.value,
    };
    localStorage.setItem(`player ${this.id}`, JSON.stringify(saved));
  }
}
