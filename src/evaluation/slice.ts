import { setImmediate } from "node:timers/promises";
import { limits } from "../base/limits.js";

/** Who lets others run in between. */
export interface Turns {
  /** So many milliseconds of work were done. */
  charge(ms: number): void;
  /** Until it may go on. */
  pause(): Promise<void>;
}

const everyOther: Turns = { charge: () => undefined, pause: () => setImmediate() };

/**
 * Keeps a long walk from holding the event loop: after `limits.walkSliceMs` of work it is unwound, and goes on from what it
 * knows, through which it must walk again.
 */
export class Slice {
  #ms: number = limits.walkSliceMs;
  #start = 0;
  /** Unknown until something is asked that memory does not answer. */
  #end: number | undefined;
  #asked = 0;
  #over = false;
  #known = -1;
  readonly #timer: () => number;
  readonly #turns: Turns;

  constructor(timer: () => number, turns: Turns = everyOther) {
    this.#timer = timer;
    this.#turns = turns;
  }

  begin(): void {
    this.#start = this.#timer();
    this.#end = undefined;
    this.#over = false;
  }

  /** Looks at the clock once in 32 times: it costs about as much as a step. */
  get over(): boolean {
    if (this.#end === undefined || ++this.#asked % 32 === 0) return this.overNow;
    return this.#over;
  }

  /**
   * The first question of a pass is where the known ends and work begins. As long as the known took to walk again, work may
   * take too: else a relation of 50,000 targets, once half is known, would go on by 32 targets a pass.
   */
  get overNow(): boolean {
    if (this.#over) return true;
    const now = this.#timer();
    this.#end ??= now + Math.max(this.#ms, now - this.#start);
    this.#over = now > this.#end;
    return this.#over;
  }

  /** It was found to be over. */
  get ended(): boolean {
    return this.#over;
  }

  /** The work of a pass is done, or waits for something else than its turn. */
  end(): void {
    this.#turns.charge(this.#timer() - this.#start);
  }

  /** Lets others run. A component is solved as a whole, so a slice in which nothing was settled is followed by one twice as long. */
  async yield(known: number): Promise<void> {
    this.#ms = known > this.#known ? limits.walkSliceMs : this.#ms * 2;
    this.#known = known;
    this.end();
    await this.#turns.pause();
  }
}
