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

/** Uptime, which costs a system call of some microseconds, is asked only where the wall clock is ahead by more than its resolution. */
const suspensionMsMin = 20;

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
  /** The most that uptime was ahead of the monotonic clock: more than that is time suspended since. */
  #uptimeLead: number;
  #jump = 0;
  /** The operator said that the wall clock, which is far behind, is right: it is slewed to all the way. */
  #waiting = false;

  /** @param floor time starts no earlier than this: the instant of the last commit. */
  constructor(sources: TimeSources, floor: Instant = 0) {
    this.#sources = sources;
    this.#time = Math.max(sources.wallMs(), floor);
    this.#monotonic = sources.monotonicMs();
    this.#uptimeLead = sources.uptimeMs() - this.#monotonic;
  }

  now(): Instant {
    const monotonic = this.#sources.monotonicMs();
    const elapsed = Math.max(0, monotonic - this.#monotonic);
    this.#monotonic += elapsed;
    this.#time += elapsed;
    let ahead = this.#sources.wallMs() - this.#time;
    if (ahead > suspensionMsMin) ahead -= this.#wake(ahead);
    const near = Math.abs(ahead) <= limits.clockJumpMsMax;
    this.#waiting &&= ahead < 0 && !near;
    this.#jump = near || this.#waiting ? 0 : ahead;
    if (this.#jump === 0) this.#time += Math.max(-elapsed / 10, Math.min(elapsed / 10, ahead));
    return Math.floor(this.#time);
  }

  /** How far the wall clock stands ahead of this one (negative: behind), where that is over the bound; else 0. As of the last `now`. */
  get jumpMs(): number {
    return this.#jump;
  }

  /** The operator's word that the wall clock is right. Time still never goes back: a wall clock behind is waited for, at the slewed pace. */
  accept(): void {
    const wall = this.#sources.wallMs();
    this.#waiting = wall < this.#time;
    this.#time = Math.max(this.#time, wall);
    this.#jump = 0;
  }

  /**
   * Adds the time for which the machine was suspended since the last call, and returns it. Uptime alone
   * could err as well as the wall clock alone, so both must agree. Uptime ticks in coarser steps than the
   * monotonic clock, so only a new maximum of its lead counts.
   */
  #wake(ahead: number): number {
    const lead = this.#sources.uptimeMs() - this.#monotonic;
    const suspended = Math.max(0, lead - this.#uptimeLead);
    this.#uptimeLead += suspended;
    const vouched = Math.min(ahead, suspended);
    this.#time += vouched;
    return vouched;
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
