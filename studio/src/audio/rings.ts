/**
 * The frames that wait to be heard, a ring for each row, in the order in which they are played.
 *
 * All rows share one reading and one writing place, counted in frames from the start of the player. So rows
 * cannot come apart, and a loop is nothing but frames that were queued behind its end: the reader knows of none.
 */

export type Frames = Float32Array<ArrayBuffer>;

export class Rings {
  readonly capacity: number;
  read = 0;
  write = 0;
  private rows = new Map<string, Frames[]>();

  /** `capacity` is rounded up to a power of two. */
  constructor(capacity: number) {
    this.capacity = 2 ** Math.ceil(Math.log2(capacity));
  }

  get waiting(): number {
    return this.write - this.read;
  }

  names(): string[] {
    return [...this.rows.keys()];
  }

  channels(name: string): Frames[] {
    return this.rows.get(name) ?? [];
  }

  /** Only these rows are kept; a new one is silent before what is pushed next. */
  setRows(names: string[], channels: number): void {
    const rows = new Map<string, Frames[]>();
    for (const name of names) {
      const known = this.rows.get(name);
      rows.set(
        name,
        known?.length === channels
          ? known
          : Array.from({ length: channels }, () => new Float32Array(this.capacity)),
      );
    }
    this.rows = rows;
  }

  /** Queues `count` interleaved frames of each row. Frames that were heard long ago are written over. */
  push(pieces: Record<string, Float32Array>, count: number): void {
    const mask = this.capacity - 1;
    for (const [name, channels] of this.rows) {
      const piece = pieces[name];
      const stride = channels.length;
      channels.forEach((ring, channel) => {
        for (let i = 0; i < count; i++) {
          ring[(this.write + i) & mask] = piece ? piece[i * stride + channel]! : 0;
        }
      });
    }
    this.write += count;
  }

  /** Forgets what is queued from `index` on; what is heard already cannot be forgotten. */
  truncate(index: number): void {
    this.write = Math.max(this.read, Math.min(this.write, index));
  }

  /** Forgets all that is queued. */
  clear(): void {
    this.truncate(0);
  }
}
