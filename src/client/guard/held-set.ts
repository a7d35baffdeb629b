import type { UsherError } from "../../base/errors.js";
import type { Cause, HeldLookup as What } from "../../model/live.js";
import { Emitter } from "./emitter.js";
import type { HeldLookup } from "./held-lookup.js";
import type { LeaseKeeper } from "./lease-keeper.js";

/** One that is let in from now on, or no longer. */
export interface SetChange {
  /** Of the object or subject; `*`: whoever is not named otherwise. */
  readonly id: string;
  /** Absent: the lease has ended, or there is one again; or the whole set has ended. */
  readonly cause?: Cause;
}

/** What a set tells, with what: from what it tells, `ids` follows at each moment. */
export interface HeldSetEvents {
  added: [change: SetChange];
  removed: [change: SetChange];
}

/** Why nobody is in a set. `lapsed`: nothing was heard for as long as the lease; `refused`: the server does not keep it. */
export type HeldSetReason = "lapsed" | "refused" | "released" | "closed";

/**
 * The objects that a subject has a permission on, or the subjects that have one on an object, kept true. It is empty while there is no lease, and right again when there
 * is. Made by `Guard.holdObjects` and `Guard.holdSubjects`.
 *
 * Of subjects, where a wildcard grants, `*` is among the ids, and `has` is true of everybody who is not denied by name. When `*` is removed, that is
 * over for whoever is not among the ids.
 */
export class HeldSet extends Emitter<HeldSetEvents> {
  readonly what: What;
  readonly #lookup: HeldLookup;
  readonly #lease: LeaseKeeper;
  readonly #onRelease: () => void;
  readonly #controller = new AbortController();
  #released = false;
  #closed = false;
  /** Listeners have been told that nobody is in it. */
  #dark = false;

  constructor(lookup: HeldLookup, lease: LeaseKeeper, onRelease: () => void) {
    super();
    this.what = lookup.asked.what;
    this.#lookup = lookup;
    this.#lease = lease;
    this.#onRelease = onRelease;
    lookup.listener = {
      changed: (id, allowed, cause) => this.#changed(id, allowed, cause),
      ended: (why, ids) => {
        this.#closed = true;
        this.#lapse(why, ids);
      },
      lapsed: (why, ids) => this.#lapse(why, ids),
      restored: () => this.#restore(),
    };
  }

  /** Read it where the permission is used: it compares the clocks with the lease each time, and needs no timer. */
  has(id: string): boolean {
    const until = this.#released ? undefined : this.#lookup.untilOf(id);
    const isIn = until !== undefined && this.#lease.trusts(until);
    if (isIn) this.#lookup.used(id);
    return isIn;
  }

  /** Who is in it now, in no order. */
  ids(): string[] {
    if (this.#released) return [];
    return [...this.#lookup.allowed()].flatMap(([id, until]) => (this.#lease.trusts(until) ? [id] : []));
  }

  /** Why nobody is in it; undefined: what it says may be trusted. */
  get reason(): HeldSetReason | undefined {
    if (this.#released) return "released";
    if (this.#lookup.refused !== undefined) return "refused";
    if (this.#closed) return "closed";
    return this.#lease.isHeld ? undefined : "lapsed";
  }

  /** Aborts the first time that nobody is in it because of the lease, the server or the guard: for work that cannot be resumed. A release does not abort it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives it back; again does nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#lookup.listener = undefined;
    this.#onRelease();
  }

  /** `using set = await guard.holdObjects(…)` releases it at the end of its block. */
  [Symbol.dispose](): void {
    this.release();
  }

  #changed(id: string, allowed: boolean, cause: Cause): void {
    if (!this.#dark) this.tell(allowed ? "added" : "removed", { id, cause });
  }

  /** Work that cannot be resumed ends first. */
  #lapse(why: UsherError, ids: readonly string[]): void {
    this.#controller.abort(why);
    if (this.#dark) return;
    this.#dark = true;
    for (const id of ids) this.tell("removed", { id });
  }

  #restore(): void {
    if (!this.#dark || this.#closed) return;
    this.#dark = false;
    for (const [id] of [...this.#lookup.allowed()]) this.tell("added", { id });
  }
}
