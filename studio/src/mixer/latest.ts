/**
 * One piece of work at a time, the newest wish last. A wish that nobody has begun on is replaced by the next.
 *
 * The service goes on with a request that the browser has given up, so giving up and asking again would pile up work.
 */
export class Latest<T> {
  /** Returns after how many milliseconds the same is to be tried again; 0 where it is done. It never throws. */
  private work: (wanted: T) => Promise<number>;
  private wanted: { value: T } | null = null;
  private running = false;
  private closed = false;

  constructor(work: (wanted: T) => Promise<number>) {
    this.work = work;
  }

  want(value: T): void {
    this.wanted = { value };
    if (!this.running) void this.run();
  }

  close(): void {
    this.closed = true;
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.wanted && !this.closed) {
      const wanted = this.wanted;
      this.wanted = null;
      const wait = await this.work(wanted.value);
      if (wait === 0) continue;
      this.wanted ??= wanted;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    this.running = false;
  }
}
