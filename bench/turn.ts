/** Something asynchronous, done again and again. */
export interface Work {
  /** So many calls are under way at any time: when one is answered the next begins. */
  readonly inFlight: number;
  /** How many a call counts for; default 1. */
  readonly perCall?: number;
  /** Done before the clock of a call starts. */
  before?(index: number): void;
  /** @param index counts the calls of a turn, from 0 */
  call(index: number): Promise<unknown>;
  /** Microseconds of processor time that the process which does the work has spent so far. */
  cpuUs?(): Promise<number>;
}

export interface Turn {
  readonly perSecond: number;
  readonly latenciesMs: Float64Array;
  /** Microseconds of processor time for each. */
  readonly cpuUs?: number;
}

/** Keeps the work going for so long. */
export async function takeTurn(work: Work, ms: number): Promise<Turn> {
  const { inFlight, perCall = 1 } = work;
  const latencies = new Latencies();
  let index = 0;
  const cpuBefore = await work.cpuUs?.();
  const start = performance.now();
  const lane = async () => {
    for (let now = performance.now(); now - start < ms; ) {
      const at = index++;
      if (work.before !== undefined) {
        work.before(at);
        now = performance.now();
      }
      await work.call(at);
      const answered = performance.now();
      latencies.add(answered - now);
      now = answered;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const count = latencies.count * perCall;
  const perSecond = (count * 1_000) / (performance.now() - start);
  const cpuAfter = await work.cpuUs?.();
  return { perSecond, latenciesMs: latencies.list(), ...(cpuBefore !== undefined && cpuAfter !== undefined && { cpuUs: (cpuAfter - cpuBefore) / count }) };
}

/** For what is done in this process: microseconds of processor time that it has spent so far, on all of its threads. */
export async function ownCpuUs(): Promise<number> {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** p50 and p99 of what took so many milliseconds, in microseconds. */
export function percentiles(latenciesMs: Iterable<number>): { p50Us: number; p99Us: number } {
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number) => 1_000 * (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
  return { p50Us: at(0.5), p99Us: at(0.99) };
}

/** A list of numbers that takes eight bytes for each, so that millions of calls leave the resident memory nearly as it was. */
class Latencies {
  #list = new Float64Array(1_024);
  count = 0;

  add(ms: number): void {
    if (this.count === this.#list.length) {
      const longer = new Float64Array(2 * this.count);
      longer.set(this.#list);
      this.#list = longer;
    }
    this.#list[this.count++] = ms;
  }

  list(): Float64Array {
    return this.#list.slice(0, this.count);
  }
}
