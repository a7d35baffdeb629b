import { unreachable } from "../../base/assert.js";
import { forever, type Instant } from "../../base/clock.js";
import type { UsherError } from "../../base/errors.js";
import type { Cause, HeldState, LiveResponse } from "../../model/live.js";
import type { Contexts } from "./contexts.js";
import { refusal, revocation } from "./denials.js";
import type { GuardEmitter } from "./guard-events.js";
import type { HeldDecision } from "./held-decision.js";
import type { HeldDecisions } from "./held-decisions.js";
import type { HeldLookups } from "./held-lookups.js";
import type { LeaseKeeper } from "./lease-keeper.js";
import type { LiveConnection } from "./live-connection.js";

type Checkpoint = Extract<LiveResponse, { readonly kind: "checkpoint" }>;

/** What news change. */
export interface NewsPort {
  readonly held: HeldDecisions;
  readonly lookups: HeldLookups;
  readonly lease: LeaseKeeper;
  readonly contexts: Contexts;
  readonly events: GuardEmitter;
  /** No lease is taken for longer than was asked for. */
  readonly leaseMs: number;
  /** There is a lease: who waited for one may look again. */
  leased(): void;
}

/**
 * Takes what a stream says. All is synchronous: when a message has been taken, its answers are in force and the listeners of aborted signals have
 * run. So a checkpoint, which comes after the news that it covers, is acknowledged no earlier than those have taken effect.
 */
export class News {
  readonly #port: NewsPort;
  /** Allowed decisions that time will end: they are few, and a checkpoint says which it has ended. */
  readonly #timed = new Set<HeldDecision>();

  /** The stream of which a checkpoint has covered all that it was presented with. */
  #covered: LiveConnection | undefined;

  constructor(port: NewsPort) {
    this.#port = port;
  }

  take(connection: LiveConnection, response: LiveResponse): void {
    // A machine that wakes up hears what came in its sleep before any timer fires.
    this.#port.lease.noticeEnd();
    switch (response.kind) {
      case "states":
        for (const state of response.states) this.#takeState(state, response.instant, { kind: "resume" });
        return;
      case "flips":
        for (const flip of response.flips) this.#takeState(flip, response.instant, flip.cause);
        return;
      case "members":
        for (const state of response.members) this.#port.lookups.take(state, response.instant);
        return;
      case "refused":
        for (const { id, code, message } of response.refused) this.#refuse(id, code, message);
        return;
      case "checkpoint":
        return this.#checkpoint(connection, response);
      case "opened":
      case "draining":
        return;
      default:
        unreachable(response);
    }
  }

  #takeState(state: HeldState, instant: Instant, cause: Cause): void {
    const decision = this.#port.held.get(state.id);
    if (decision === undefined) return;
    const before = decision.answer;
    decision.take(state, instant);
    const after = decision.answer;
    if (after === "allowed" && decision.until !== forever) this.#timed.add(decision);
    else this.#timed.delete(decision);
    if (before === "allowed" && after !== "allowed") this.#revoke(decision, revocation(decision, cause), cause);
    if (before !== undefined && before !== "allowed" && after === "allowed") this.#port.events.tell("granted", changeOf(decision, cause));
    wake(decision);
  }

  #revoke(decision: HeldDecision, why: UsherError, cause: Cause): void {
    for (const hold of [...decision.holds]) hold.end(why);
    this.#port.events.tell("revoked", changeOf(decision, cause));
  }

  #refuse(id: number, code: UsherError["code"], message: string): void {
    const { held, lookups } = this.#port;
    lookups.refuse(id, code, message);
    const decision = held.get(id);
    if (decision === undefined) return;
    const wasAllowed = decision.answer === "allowed";
    decision.forget();
    decision.refused = refusal(decision.question, code, message);
    held.remove(decision);
    this.#timed.delete(decision);
    if (wasAllowed) for (const hold of [...decision.holds]) hold.end(decision.refused);
    wake(decision);
  }

  #checkpoint(connection: LiveConnection, { zookie, instant, nonce, leaseMs }: Checkpoint): void {
    this.#expire(instant);
    this.#port.lookups.expire(instant);
    const ping = nonce === undefined ? undefined : connection.answer(nonce);
    if (ping !== undefined) {
      if (connection !== this.#covered) this.#forgetUntold();
      this.#covered = connection;
      if (leaseMs !== undefined && leaseMs > 0) this.#port.lease.grant(ping, Math.min(leaseMs, this.#port.leaseMs), instant);
      this.#port.lookups.covered(ping.sequence);
      if (this.#port.lease.isHeld) this.#port.lookups.restore();
      this.#port.contexts.covered(ping.sequence);
      this.#port.leased();
    }
    connection.outbox.acknowledge(zookie);
  }

  /** Everything up to this instant has been told: what was valid until then, and was not told anew, has ended. */
  #expire(instant: Instant): void {
    for (const decision of this.#timed) {
      if (!this.#isHeld(decision)) this.#timed.delete(decision);
      else if (decision.until <= instant) {
        this.#timed.delete(decision);
        decision.forget();
        this.#revoke(decision, revocation(decision, { kind: "time" }), { kind: "time" });
        wake(decision);
      }
    }
  }

  #isHeld(decision: HeldDecision): boolean {
    return this.#port.held.get(decision.id) === decision;
  }

  /** Nothing that this stream was to tell, and has not, is known: whatever an earlier stream said of it. */
  #forgetUntold(): void {
    for (const decision of this.#port.held) {
      if (!decision.isAwaited || decision.answer === undefined) continue;
      const before = decision.answer;
      decision.forget();
      if (before === "allowed") this.#revoke(decision, revocation(decision, { kind: "resume" }), { kind: "resume" });
    }
  }
}

function changeOf({ question: { object, permission, subject } }: HeldDecision, cause: Cause) {
  return { object, permission, subject, cause };
}

function wake(decision: HeldDecision): void {
  for (const look of [...decision.waiters]) look();
}
