import type { Instant } from "../../base/clock.js";
import type { GuardTime } from "./guard-time.js";
import { Lease, type Moment } from "./lease.js";

/** A ping that was sent; its place among all pings of the guard, over all of its streams. */
export interface Ping extends Moment {
  readonly sequence: number;
}

/**
 * The lease of a guard, which all that it holds shares. Whether it holds is found at each use, by the clocks; the timer is there for those who
 * only listen.
 */
export class LeaseKeeper {
  readonly #time: GuardTime;
  readonly #onLapse: () => void;
  #lease: Lease | undefined;
  #sequence = 0;
  /** Its end has not been told yet. */
  #held = false;
  /** Its end was seen, by whoever used it: no setting of a clock brings it back. */
  #over = false;
  #cancelTimer: () => void = () => undefined;

  /** @param onLapse hears of the end of a lease, once */
  constructor(time: GuardTime, onLapse: () => void) {
    this.#time = time;
    this.#onLapse = onLapse;
  }

  /** Whether there is a lease now. */
  get isHeld(): boolean {
    return this.#held && !this.#isOver();
  }

  /** Whether there is a lease now under which an answer that is valid until then, by the server's clock, may be trusted. */
  trusts(until: Instant): boolean {
    if (!this.#held || this.#over || this.#lease === undefined) return false;
    if (this.#lease.trusts(until, this.#time.monotonicMs(), this.#time.wallMs())) return true;
    this.#isOver();
    return false;
  }

  /**
   * Takes what a checkpoint brings, whole: that of a later ping takes the place of an earlier one's, and never the other way round. (Taking the
   * later end on each clock by itself would be wrong: once the wall clock was set back, the old lease's end is no end any more.)
   */
  grant(ping: Ping, leaseMs: number, instant: Instant): void {
    this.noticeEnd();
    if (ping.sequence <= this.#sequence) return;
    this.#sequence = ping.sequence;
    this.#lease = new Lease(ping, leaseMs, instant);
    // One that comes when it has ended already is no lease; but it is the last word.
    this.#held = true;
    this.#over = false;
    if (!this.#isOver()) this.#arm();
    else this.noticeEnd();
  }

  /** Tells of a lease that has ended, if that was not told before: timers are late, or sleep with the machine. */
  noticeEnd(): void {
    if (!this.#held || !this.#isOver()) return;
    this.#held = false;
    this.#cancelTimer();
    this.#onLapse();
  }

  /** Nothing is trusted any more, and no lease is taken. */
  close(): void {
    this.#held = false;
    this.#sequence = Number.POSITIVE_INFINITY;
    this.#cancelTimer();
  }

  /** Once it was, it stays so: listeners are told later, but nobody is let in meanwhile. */
  #isOver(): boolean {
    this.#over ||= this.#remainingMs() <= 0;
    return this.#over;
  }

  #remainingMs(): number {
    return this.#lease?.remainingMs(this.#time.monotonicMs(), this.#time.wallMs()) ?? 0;
  }

  #arm(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#time.after(Math.ceil(this.#remainingMs()), () => {
      this.noticeEnd();
      if (this.#held) this.#arm();
    });
  }
}
