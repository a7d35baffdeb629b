import type { UsherError } from "../../base/errors.js";
import type { ObjectRef } from "../../model/object.js";
import type { SubjectRef } from "../../model/subject.js";
import type { HeldDecision } from "./held-decision.js";
import type { LeaseKeeper } from "./lease-keeper.js";

/**
 * Why a hold does not allow. `revoked`: the answer has become another; `lapsed`: nothing was heard for as long as the lease; `expired`: it was valid
 * until now, and what follows has not been heard; `pending`: it was not told since the last lapse; `refused`: the server does not keep it.
 */
export type HoldReason = "revoked" | "lapsed" | "expired" | "pending" | "refused" | "released" | "closed";

/**
 * A permission that a program holds, and that is kept true. `allowed` follows the decision: it is false as soon as the answer, the lease or the
 * validity ends, and true again where all three are back. `signal` is for work that cannot be resumed: it aborts with the first end, once.
 */
export class Hold {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly #decision: HeldDecision;
  readonly #lease: LeaseKeeper;
  readonly #onRelease: () => void;
  #released = false;
  #ended: UsherError | undefined;
  #controller: AbortController | undefined;

  /** Made by `Guard.hold`. */
  constructor(decision: HeldDecision, lease: LeaseKeeper, onRelease: () => void) {
    this.object = decision.question.object;
    this.permission = decision.question.permission;
    this.subject = decision.question.subject;
    this.#decision = decision;
    this.#lease = lease;
    this.#onRelease = onRelease;
    decision.holds.add(this);
  }

  /** Read it where the permission is used: it compares the clocks with the lease each time, and needs no timer. */
  get allowed(): boolean {
    const allowed = !this.#released && this.#decision.answer === "allowed" && this.#lease.trusts(this.#decision.until);
    if (allowed) this.#decision.uses++;
    return allowed;
  }

  /** Undefined: it allows. */
  get reason(): HoldReason | undefined {
    const { answer, refused } = this.#decision;
    if (this.#released) return "released";
    if (this.#ended?.code === "closed") return "closed";
    if (refused !== undefined) return "refused";
    if (!this.#lease.isHeld) return "lapsed";
    if (answer === undefined) return "pending";
    if (answer !== "allowed") return "revoked";
    return this.allowed ? undefined : "expired";
  }

  /**
   * Aborts when the permission ends. Its reason is a `UsherError`: `permission_denied` with `details.cause`, the code of a decision that cannot
   * be made any more, `lease_lapsed`, or `closed`. A release does not abort it.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended);
    }
    return this.#controller.signal;
  }

  /** Gives it back; again does nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#decision.holds.delete(this);
    this.#onRelease();
  }

  /** `using hold = await guard.hold(…)` releases it at the end of its block. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** The guard's word that it has ended. Listeners of the signal have run when this returns. */
  end(why: UsherError): void {
    if (this.#released || this.#ended !== undefined) return;
    this.#ended = why;
    this.#controller?.abort(why);
  }
}
