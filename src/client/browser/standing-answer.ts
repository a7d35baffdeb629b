import { limits } from "../../base/limits.js";
import type { ObjectRef } from "../../model/object.js";
import type { SubjectRef } from "../../model/subject.js";
import type { Guard } from "../guard/guard.js";
import type { Hold } from "../guard/hold.js";

/** Who asks what, of which the answer stands. */
export interface StandingQuestion {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
}

/**
 * The answer to one question, kept true through a guard whether it allows or not. What was allowed once is held, and its hold follows the decision
 * both ways. What never was cannot be held: it is asked of `can`, which the guard keeps as long as it has room, and asked again at each `look`.
 * Whatever fails is a denial.
 */
export class StandingAnswer {
  readonly question: StandingQuestion;
  /** As it was last told. */
  allowed = false;
  readonly #guard: Guard;
  readonly #signal: AbortSignal;
  readonly #changed: (answer: StandingAnswer) => void;
  #hold: Hold | undefined;
  #asking: Promise<void> | undefined;
  #askAgain = false;

  /** @param signal of the stream: once it is aborted, nothing is held */
  constructor(guard: Guard, question: StandingQuestion, signal: AbortSignal, changed: (answer: StandingAnswer) => void) {
    this.question = question;
    this.#guard = guard;
    this.#signal = signal;
    this.#changed = changed;
  }

  /** Tells what has changed; a denial in this call, a permission that must be asked for first as soon as it is had. */
  look(): void {
    if (this.#hold?.reason === "refused") this.release();
    this.#take(this.#hold?.allowed ?? false);
    if (this.#hold === undefined) void this.ask();
  }

  /** Resolves once it is known, or cannot be. */
  ask(): Promise<void> {
    if (this.#asking === undefined) this.#asking = this.#askUntilSettled().finally(() => (this.#asking = undefined));
    else this.#askAgain = true;
    return this.#asking;
  }

  release(): void {
    this.#hold?.release();
    this.#hold = undefined;
  }

  /** What was granted while it was asked may not be in the answer that is on its way. */
  async #askUntilSettled(): Promise<void> {
    do {
      this.#askAgain = false;
      await this.#askOnce();
    } while (this.#askAgain && this.#hold === undefined && !this.#signal.aborted);
  }

  async #askOnce(): Promise<void> {
    const { object, permission, subject } = this.question;
    const options = { signal: this.#signal, timeoutMs: limits.browserReadyMs };
    try {
      if (!(await this.#guard.can(object, permission, subject, options))) return;
      const hold = await this.#guard.hold(object, permission, subject, options);
      if (this.#signal.aborted) return hold.release();
      this.#hold = hold;
      this.#take(hold.allowed);
    } catch {
      // Denied, or not to be had now: the next look asks again.
    }
  }

  #take(allowed: boolean): void {
    if (allowed === this.allowed || this.#signal.aborted) return;
    this.allowed = allowed;
    this.#changed(this);
  }
}
