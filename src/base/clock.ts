import { uptime } from "node:os";

import { limits } from "./limits.js";

/** Milliseconds since 1970-01-01T00:00:00Z, an integer. */
export type Instant = number;

/** No instant: time alone never changes the answer. */
export const forever: Instant = Number.POSITIVE_INFINITY;

/** Where time is read. Always an argument, so that a replay and a test bring their own. */
export interface Clock {
  now(): Instant;
}

/** The machine's three clocks, each of which lies in its own way. */
export interface TimeSources {
  /** Can be set by anybody, forward and back. */
  wallMs(): number;
  /** Never goes back, but stops while the machine is suspended. */
  monotonicMs(): number;
  /** Counts time suspended too, at a resolution of about 10 ms. */
  uptimeMs(): number;
}

/**
 * Time that never goes back. It runs with the monotonic clock and is slewed towards the wall clock,
 * at most one part in ten; a difference over `limits.clockJumpMsMax` is not followed but reported by
 * `jumpMs`, until an operator calls `accept`. Time that passed while the machine was suspended is no
 * jump: `uptimeMs` vouches for it, so that what expired meanwhile is expired on waking.
 */
export class SteadyClock implements Clock {
  #sources: TimeSources;
  #time: number;
  #monotonic: number;
  /** By how much uptime was ahead of the monotonic clock when last compared. */
  #uptimeLead: number;
  #jump = 0;

  /** @param floor time starts no earlier than this: the instant of the last commit. */
  constructor(sources: TimeSources, floor: Instant = 0) {
    this.#sources = sources;
    this.#time = Math.max(sources.wallMs(), floor);
    this.#monotonic = sources.monotonicMs();
    this.#uptimeLead = sources.uptimeMs() - sources.monotonicMs();
  }

  now(): Instant {
    const monotonic = this.#sources.monotonicMs();
    const elapsed = Math.max(0, monotonic - this.#monotonic);
    this.#monotonic = monotonic;
    this.#time += elapsed;
    let ahead = this.#sources.wallMs() - this.#time;
    if (ahead > limits.clockJumpMsMax) ahead -= this.#slept(ahead);
    if (Math.abs(ahead) > limits.clockJumpMsMax) {
      this.#jump = ahead;
    } else {
      this.#jump = 0;
      this.#time += Math.max(-elapsed / 10, Math.min(elapsed / 10, ahead));
    }
    return Math.floor(this.#time);
  }

  /** How far the wall clock stands ahead of this one (negative: behind), where that is over the bound; else 0. */
  get jumpMs(): number {
    return this.#jump;
  }

  /** The operator's word that the wall clock is right. Time still never goes back: a wall clock behind is waited for. */
  accept(): void {
    this.#time = Math.max(this.#time, this.#sources.wallMs());
    this.#jump = 0;
  }

  /** Adds the time that the machine was suspended, which is what uptime has gained on the monotonic clock. */
  #slept(ahead: number): number {
    const gained = this.#sources.uptimeMs() - this.#sources.monotonicMs();
    const slept = Math.min(ahead, Math.max(0, gained - this.#uptimeLead));
    this.#uptimeLead = gained;
    this.#time += slept;
    return slept;
  }
}

/** A timer longer than 24.8 days fires at once in Node.js, so every timer is capped and asked again. */
export function capDelay(ms: number): number {
  return Math.max(0, Math.min(ms, limits.timerMsMax));
}

/** The clocks of this machine. */
export const machineTime: TimeSources = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  uptimeMs: () => uptime() * 1000,
};
