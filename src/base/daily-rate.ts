const dayMs = 86_400_000;

/** Seconds of a burst shall not make a forecast, and an hour ago shall not be half of it. */
const spanMs = 600_000;

/**
 * How much comes a day, if it goes on as of late: an exponential moving average over ten minutes. What came t ago counts `e^(-t / span)`, so that a
 * steady stream of r a millisecond sums up to `r × span`; of a shorter time than that it is told from what there was.
 */
export class DailyRate {
  readonly #since: number;
  #sum = 0;
  #at: number;

  /** @param monotonicMs now, of whichever clock the others are */
  constructor(monotonicMs: number) {
    this.#since = monotonicMs;
    this.#at = monotonicMs;
  }

  add(amount: number, monotonicMs: number): void {
    this.#sum = this.#decayed(monotonicMs) + amount;
    this.#at = monotonicMs;
  }

  perDay(monotonicMs: number): number {
    const observed = spanMs * (1 - Math.exp(-Math.max(1, monotonicMs - this.#since) / spanMs));
    return (this.#decayed(monotonicMs) / observed) * dayMs;
  }

  #decayed(monotonicMs: number): number {
    return this.#sum * Math.exp(-(monotonicMs - this.#at) / spanMs);
  }
}
