/** Time that passes when a test says so, with the timers of a page. */

/** Everything that was promised so far has happened. */
export async function calm(turns = 1): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve));
}

type Work = (...rest: unknown[]) => void;
export class Clock {
  time = 1e12;
  readonly timers = new Map<number, { due: number; work: () => void }>();
  private ids = 0;
  /** `settle`: what follows from a timer has happened. */
  constructor(private readonly settle: () => Promise<unknown> = () => calm()) {}

  protected add(work: () => void, wait: number): number {
    this.timers.set(++this.ids, { due: this.time + Math.max(wait, 0), work });
    return this.ids;
  }
  readonly set = (work: Work, wait = 0, ...rest: unknown[]): number => this.add(work.bind(null, ...rest), wait);
  readonly clear = (id?: number): void => void this.timers.delete(id!);

  /** `asleep`: what came due meanwhile runs at the end. */
  async pass(milliseconds: number, asleep = false): Promise<void> {
    const end = this.time + milliseconds;
    if (asleep) this.time = end;
    for (;;) {
      const [next] = [...this.timers].filter(([, { due }]) => due <= end).sort(([, one], [, two]) => one.due - two.due);
      if (!next) break;
      this.timers.delete(next[0]);
      this.time = Math.max(this.time, next[1].due);
      next[1].work();
      await this.settle();
      // What runs one after the other is not due together again.
      this.time += +asleep;
    }
    this.time = Math.max(this.time, end);
  }
}
