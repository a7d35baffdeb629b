import type { Instant } from "../../base/clock.js";

/** When something was sent, on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** The server's clock is slewed by a tenth at most: so much faster than ours it may run. */
const serverPaceMax = 1.1;

/**
 * Until when the client may trust what it holds: so long from when it *sent* the ping that a checkpoint answers, however late that comes.
 *
 *     ping sent        monotonic 1,000   wall 50,000
 *     checkpoint       lease 10,000, the server's instant 70,000
 *     trusted until    monotonic 11,000 or wall 60,000, whichever is first
 *
 * The monotonic clock stops while a machine is suspended, the wall clock can be set back: so each of them alone ends it.
 *
 * When the ping was sent it was at most 70,000 at the server. After 1,000 ms more it is at most 71,100 there, and an answer that is
 * valid until the server's 71,100 is not trusted any longer: no clock of the client needs to be right for that.
 */
export class Lease {
  readonly #sent: Moment;
  readonly #leaseMs: number;
  readonly #instant: Instant;

  /** @param instant of the checkpoint, by the server's clock */
  constructor(sent: Moment, leaseMs: number, instant: Instant) {
    this.#sent = sent;
    this.#leaseMs = leaseMs;
    this.#instant = instant;
  }

  /** How long it still holds; 0 or less: it has ended. */
  remainingMs(monotonicMs: number, wallMs: number): number {
    return this.#leaseMs - this.#elapsedMs(monotonicMs, wallMs);
  }

  /** Whether an answer that is valid until `until`, by the server's clock, may be trusted. */
  trusts(until: Instant, monotonicMs: number, wallMs: number): boolean {
    const elapsed = this.#elapsedMs(monotonicMs, wallMs);
    return elapsed < this.#leaseMs && this.#instant + elapsed * serverPaceMax < until;
  }

  /** By whichever clock says more. */
  #elapsedMs(monotonicMs: number, wallMs: number): number {
    const monotonic = monotonicMs - this.#sent.monotonicMs;
    const wall = wallMs - this.#sent.wallMs;
    return monotonic > wall ? monotonic : wall;
  }
}
