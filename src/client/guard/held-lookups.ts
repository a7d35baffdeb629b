import { UsherError } from "../../base/errors.js";
import type { Instant } from "../../base/clock.js";
import { limits } from "../../base/limits.js";
import type { LookupHold, MemberState } from "../../model/live.js";
import { lookupRefusal } from "./denials.js";
import { HeldLookup } from "./held-lookup.js";
import type { LiveConnection } from "./live-connection.js";

/** All lookups that a guard holds. Each stream is told of all of them, and tells all members anew. */
export class HeldLookups {
  readonly #byId = new Map<number, HeldLookup>();

  get size(): number {
    return this.#byId.size;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  /** @throws `overloaded` */
  add(id: number, asked: Omit<LookupHold, "id">, connection: LiveConnection | undefined): HeldLookup {
    if (this.#byId.size >= limits.lookupsPerStreamMax) throw new UsherError("overloaded", `the guard has ${limits.lookupsPerStreamMax} sets, as many as may be: release some`);
    const lookup = new HeldLookup(id, asked);
    this.#byId.set(id, lookup);
    if (connection === undefined) return lookup;
    connection.outbox.lookup(lookup.ask(false), bytesOf(asked));
    lookup.sequence = connection.outbox.ping();
    return lookup;
  }

  /** Nobody holds it any more. */
  remove(lookup: HeldLookup, connection: LiveConnection | undefined): void {
    if (!this.#byId.delete(lookup.id) || connection === undefined) return;
    for (const use of lookup.takeUses()) connection.outbox.uses(use);
    connection.outbox.release(lookup.id);
  }

  /** For the decision log, as of holds. */
  tellUses({ outbox }: LiveConnection): void {
    for (const lookup of this.#byId.values()) for (const use of lookup.takeUses()) outbox.uses(use);
  }

  /** Tells a new stream of all of them. @param trusted whether the lease still runs under which members are held */
  present({ outbox }: LiveConnection, trusted: boolean): void {
    for (const lookup of this.#byId.values()) outbox.lookup(lookup.ask(trusted), bytesOf(lookup.asked));
  }

  /** What was presented is covered by the checkpoint that answers this ping. */
  awaitPing(sequence: number): void {
    for (const lookup of this.#byId.values()) lookup.sequence = sequence;
  }

  take(state: MemberState, instant: Instant): void {
    this.#byId.get(state.id)?.take(state, instant);
  }

  refuse(id: number, code: UsherError["code"], message: string): void {
    const lookup = this.#byId.get(id);
    if (lookup === undefined) return;
    this.#byId.delete(id);
    lookup.refuse(lookupRefusal(lookup.asked.what, code, message));
  }

  expire(instant: Instant): void {
    for (const lookup of this.#byId.values()) lookup.expire(instant);
  }

  /** A checkpoint has answered a ping. */
  covered(sequence: number): void {
    for (const lookup of this.#byId.values()) if (!lookup.isCovered && lookup.sequence !== undefined && lookup.sequence <= sequence) lookup.cover();
  }

  /** There is a lease. */
  restore(): void {
    for (const lookup of this.#byId.values()) if (lookup.isCovered) lookup.listener?.restored();
  }

  lapse(why: UsherError): void {
    for (const { listener, ids } of [...this.#byId.values()]) listener?.lapsed(why, ids);
  }

  close(why: UsherError): void {
    for (const { listener, ids } of [...this.#byId.values()]) listener?.ended(why, ids);
  }
}

/** What it takes in a message, estimated from above: no unit of a text takes more than three bytes. */
function bytesOf(asked: Omit<LookupHold, "id">): number {
  return 3 * JSON.stringify(asked).length;
}
