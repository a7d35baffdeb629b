import type { GuardTime } from "../../../src/client/guard/guard-time.js";

/** Two clocks that the test moves, together or apart, and timers that follow the monotonic one. */
export class FakeTime implements GuardTime {
  monotonic = 1_000;
  wall = 1_700_000_000_000;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  monotonicMs(): number {
    return this.monotonic;
  }

  wallMs(): number {
    return this.wall;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.monotonic + Math.max(0, ms), run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Both clocks run, and timers fire as they fall due; what they set off by promises has run when this resolves. */
  async pass(ms: number): Promise<void> {
    await settle();
    const end = this.monotonic + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#run(Math.max(0, next.at - this.monotonic));
      this.#timers.delete(next);
      next.run();
      await settle();
    }
    this.#run(end - this.monotonic);
    await settle();
  }

  #run(ms: number): void {
    this.monotonic += ms;
    this.wall += ms;
  }

  #next(end: number) {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
