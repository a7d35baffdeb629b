import { monitorEventLoopDelay } from "node:perf_hooks";

import { limits } from "../../base/limits.js";

/**
 * By how much the event loop is late, and stays late: a timer is due every `limits.loopResolutionMs`, its mean lateness is taken
 * each `limits.loopSampleMs`, and the least of the last `limits.loopSamplesMax` counts. A pause, such as a collection of garbage or a
 * thousand callers at once, does not make a server overloaded; work that does not end does.
 */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: limits.loopResolutionMs });
  readonly #timer: NodeJS.Timeout;
  readonly #samples: number[] = [];

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#sample(), limits.loopSampleMs).unref();
  }

  /** Milliseconds. */
  get ms(): number {
    return this.#samples.length < limits.loopSamplesMax ? 0 : Math.min(...this.#samples);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  /** The histogram is of nanoseconds between two ticks, which are its resolution apart when nothing is late. */
  #sample(): void {
    const mean = this.#histogram.mean / 1e6 - limits.loopResolutionMs;
    this.#samples.push(Number.isFinite(mean) ? Math.max(0, mean) : 0);
    if (this.#samples.length > limits.loopSamplesMax) this.#samples.shift();
    this.#histogram.reset();
  }
}
