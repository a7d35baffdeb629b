import { setImmediate } from "node:timers/promises";
import { limits } from "../base/limits.js";
import type { Turns } from "../evaluation/slice.js";

/** For each millisecond of work so many are owed: to collect its garbage and to send what it told take more, in the turns of others. */
export const owedPerMs = 1.1;

/** A turn of the event loop that took no longer did nothing. */
const idleMs = 0.03;

/**
 * How much of the event loop live evaluations take, where others want it as well: a little less than half. What they took is owed to the others, and paid by turns
 * of the loop in which those took as long; or in which they took nothing, for then nobody waits. Who took more than was owed to them has lent it, to a bound: under
 * overload what is due is not put off to the end of it.
 */
export class Pace implements Turns {
  readonly #monotonicMs: () => number;
  #owedMs = 0;
  #spentMs = 0;
  #turning: Promise<void> | undefined;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** So long a time was taken. */
  charge(ms: number): void {
    this.#owedMs += ms * owedPerMs;
    this.#spentMs += ms;
  }

  /** Resolves when the others have had as much. */
  async pause(): Promise<void> {
    while (this.#owedMs > 0) await (this.#turning ??= this.#turn());
  }

  /** One turn of the loop, in which input and output have theirs: `setImmediate` comes after them. What follows from the work before, such as telling of it, is work too. */
  async #turn(): Promise<void> {
    const worked = this.#monotonicMs();
    await new Promise<void>((resolve) => process.nextTick(resolve));
    this.charge(this.#monotonicMs() - worked);
    const [began, spent] = [this.#monotonicMs(), this.#spentMs];
    await setImmediate();
    this.#turning = undefined;
    const others = this.#monotonicMs() - began - (this.#spentMs - spent);
    this.#owedMs = others < idleMs ? 0 : Math.max(-limits.liveLentMsMax, this.#owedMs - others);
  }
}
