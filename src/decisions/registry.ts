import { capDelay } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { affectedMembers } from "../model/schema/affected.js";
import { memberKey } from "../model/schema/member-graph.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Commit, StoreState } from "../storage/store.js";
import { Barrier } from "./barrier.js";
import { EvaluationLoop } from "./evaluation-loop.js";
import { outlives } from "./leases.js";
import type { Asked, LiveDecision, Mark } from "./live-decision.js";
import { honoured, type LiveHold } from "./live-hold.js";
import type { LiveStream } from "./live-stream.js";
import type { LiveLookup } from "./live-lookup.js";
import { LiveLookups } from "./live-lookups.js";
import type { HoldEnd } from "./live-recorder.js";
import type { LivePort } from "./port.js";
import { TenantDecisions } from "./tenant-decisions.js";

/**
 * Who holds what. A stream that has ended stays, with what it held, until its lease has: its client may honour what it was told until then,
 * and a writer who waits for enforcement waits for it too.
 */
export class Registry {
  readonly loop: EvaluationLoop;
  readonly barrier: Barrier;
  readonly lookups: LiveLookups;
  readonly streams = new Map<string, LiveStream>();
  readonly #port: LivePort;
  readonly #tenants = new Map<TenantId, TenantDecisions>();
  #holds = 0;

  constructor(port: LivePort) {
    this.#port = port;
    const earlier = port.leases.maxMs === 0 ? -Infinity : port.monotonicMs() + outlives(port.leases.maxMs);
    this.barrier = new Barrier(() => port.monotonicMs(), earlier, (ms) => port.observer.onEnforced?.(ms), (decisions) => port.observer.onCommitEvaluated?.(decisions));
    this.loop = new EvaluationLoop(port, this.barrier, (tenant) => this.#tenants.get(tenant));
    this.lookups = new LiveLookups(port, this);
  }

  get holds(): number {
    return this.#holds;
  }

  get tenants(): IterableIterator<TenantDecisions> {
    return this.#tenants.values();
  }

  /** Undefined: nobody holds anything of it. */
  of(tenant: TenantId): TenantDecisions | undefined {
    return this.#tenants.get(tenant);
  }

  /** In the tick in which a commit is published, before its writer is answered. */
  apply(commit: Commit): void {
    const decisions = this.#tenants.get(commit.tenant);
    if (decisions === undefined) return;
    const { revision, metadata } = commit;
    if (commit.schema !== undefined) this.#applySchema(decisions, commit.schema, { kind: "schema", revision, metadata });
    try {
      decisions.index.apply(commit, (decision) => this.loop.mark(decision, { kind: "tuple", revision, metadata }));
    } catch (error) {
      // Whom it concerns is not known: everybody.
      for (const decision of decisions.all) this.loop.mark(decision, { kind: "tuple", revision, metadata });
      throw error;
    } finally {
      this.lookups.apply(decisions, commit);
    }
  }

  /** Marks what may be answered otherwise under the schema; where that cannot be said, everything. */
  #applySchema(decisions: TenantDecisions, text: string, mark: Mark & { readonly revision: Revision }): void {
    const before = decisions.schema;
    let affected: ReadonlySet<string> | undefined;
    try {
      const after = this.#port.compiled(text, mark.revision);
      decisions.schema = { schema: after, revision: mark.revision };
      affected = before && affectedMembers(before.schema, after);
    } catch {
      decisions.schema = undefined;
    }
    for (const decision of decisions.all) {
      const { object, permission, subject } = decision.asked;
      const concerns = affected === undefined || decision.standing?.error !== undefined || affected.has(memberKey(object.type, permission)) || (subject.relation !== "" && affected.has(memberKey(subject.type, subject.relation)));
      if (concerns) this.loop.mark(decision, mark);
    }
  }

  /** @throws `overloaded` */
  requireRoom(): void {
    if (this.#holds < limits.holdsMax) return;
    throw new UsherError("overloaded", `${limits.holdsMax} holds are held, as many as may be: release some, or ask another server`);
  }

  /** What is held of a tenant, or is about to be. */
  tenant(tenant: TenantId): TenantDecisions {
    let decisions = this.#tenants.get(tenant);
    if (decisions === undefined) {
      decisions = new TenantDecisions(tenant);
      this.#tenants.set(tenant, decisions);
    }
    return decisions;
  }

  decision(tenant: TenantId, asked: Asked): LiveDecision {
    return this.tenant(tenant).of(asked);
  }

  /** Forgets the tenant, where nothing is held of it any more. */
  tidy(tenant: TenantId): void {
    const decisions = this.#tenants.get(tenant);
    if (decisions?.size === 0 && decisions.lookups.size === 0 && decisions.evaluating === 0) this.#tenants.delete(tenant);
  }

  /** The hold's client is told of its decision from now on. */
  attach(hold: LiveHold): void {
    const { decision, stream } = hold;
    decision.holds.add(hold);
    this.#holds++;
    if (hold.told !== undefined && this.#port.recorder !== undefined) hold.since ??= this.#port.store.clock.now();
    if (decision.due) {
      stream.due++;
      this.loop.queue(stream, decision);
    } else stream.tell(hold, false, undefined);
  }

  detach(hold: LiveHold): void {
    const { decision, stream } = hold;
    if (!decision.holds.delete(hold)) return;
    this.#holds--;
    if (decision.due) stream.due--;
    stream.revoked.delete(hold);
    stream.changed.delete(hold);
    stream.postponed.delete(hold);
    if (decision.holds.size > 0) return;
    this.loop.abandon(decision);
    decision.standing = undefined;
    this.loop.deadlines.forget();
    this.#tenants.get(stream.tenant)?.drop(decision);
    this.tidy(stream.tenant);
  }

  /** It asks otherwise from now on. */
  move(hold: LiveHold, decision: LiveDecision): void {
    const answer = honoured(hold);
    if (answer === "allowed" || answer === "conditional") for (const { revision } of hold.decision.marks) if (revision !== undefined) this.barrier.moved(revision, hold);
    this.detach(hold);
    hold.decision = decision;
    hold.cause = { kind: "context" };
    this.attach(hold);
  }

  /** The client has forgotten it. */
  release(hold: LiveHold): void {
    const { stream } = hold;
    this.#port.recorder?.ended([hold], "released");
    this.detach(hold);
    stream.holds.delete(hold.id);
    if (hold.contextName !== undefined) stream.contexts.get(hold.contextName)?.holds.delete(hold);
    this.barrier.dropped(hold);
    stream.wake();
  }

  releaseLookup(lookup: LiveLookup): void {
    this.#drop(lookup, "released");
  }

  #drop(lookup: LiveLookup, why: HoldEnd): void {
    this.#port.recorder?.ended([...lookup.all()], why);
    this.lookups.drop(lookup);
  }

  /** @throws the codes of zookies */
  acknowledge(stream: LiveStream, zookie: string): void {
    const said = this.#port.revisionOf(stream.tenant, zookie);
    let through: Revision | undefined;
    const confirmed: LiveHold[] = [];
    // No further than what was sent: a client may know a zookie of which it was told nothing here.
    for (let [first] = stream.sent; first !== undefined && first.revision <= said; [first] = stream.sent) {
      stream.sent.shift();
      for (const hold of first.holds) hold.unconfirmed--;
      confirmed.push(...first.holds);
      for (const lookup of first.refused) this.#drop(lookup, "refused");
      through = first.revision;
    }
    if (through === undefined) return;
    if (confirmed.length > 0) this.#port.recorder?.acknowledged(stream, through, confirmed);
    stream.client.acknowledged = { revision: through, instant: this.#port.store.clock.now() };
    this.barrier.acknowledged(stream, through);
  }

  /** Its requests have ended, and with them everything that it held; or its connection broke, and its holds count while its client may honour them. */
  depart(stream: LiveStream, released: boolean): void {
    stream.departed = true;
    stream.revoked.clear();
    stream.changed.clear();
    stream.postponed.clear();
    const lastsMs = stream.lapsesAt - this.#port.monotonicMs();
    if (released || !(lastsMs > 0) || (stream.size === 0 && stream.lookups.size === 0)) this.#remove(stream, released ? "released" : "lapsed");
    else {
      setTimeout(() => {
        if (!this.streams.has(stream.id)) return;
        this.#port.observer.onLapse?.();
        this.#port.recorder?.lapsed(stream, stream.size);
        this.#forget(stream, "lapsed");
      }, capDelay(Math.ceil(lastsMs))).unref();
    }
  }

  /** Its client has let go of all that it held. */
  #remove(stream: LiveStream, why: HoldEnd): void {
    for (const hold of stream.all()) this.barrier.dropped(hold);
    this.#forget(stream, why);
  }

  #forget(stream: LiveStream, why: HoldEnd): void {
    this.streams.delete(stream.id);
    this.#port.recorder?.ended([...stream.all()], why);
    for (const hold of stream.holds.values()) this.detach(hold);
    stream.holds.clear();
    for (const lookups of [stream.lookups.values(), stream.fading]) for (const lookup of [...lookups]) this.lookups.drop(lookup);
    stream.urgent.clear();
    stream.others.clear();
  }

  /** A lease is sent: all that the client said before it is registered, and what it held by another stream as well. */
  leased(stream: LiveStream): void {
    stream.lapsesAt = Math.max(stream.lapsesAt, this.#port.monotonicMs() + outlives(stream.leaseMs));
    const { replaces } = stream;
    stream.replaces = undefined;
    if (replaces?.departed !== true) return;
    this.barrier.transfer(replaces, stream);
    this.#remove(replaces, "replaced");
  }

  /** The store's state has become another: what waited for it may go on, or has waited in vain. */
  heed(state: StoreState): void {
    for (const stream of this.streams.values()) {
      if (state === "ended") stream.end(new UsherError("closed", "the store has ended: open the stream anew when it is back"));
      else stream.wake();
    }
  }

  /** The tenant was deleted. */
  endTenant(tenant: TenantId): void {
    for (const stream of this.streams.values()) {
      if (stream.tenant === tenant) stream.end(new UsherError("tenant_unknown", "the tenant was deleted: hold with another"));
    }
  }

  revisionOfHead(): Revision {
    return this.#port.store.head.revision;
  }
}
