import { randomUUID } from "node:crypto";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { wildcardId } from "../model/subject.js";
import type { TenantId } from "../model/zookie.js";
import type { Commit } from "../storage/store.js";
import type { Barrier } from "./barrier.js";
import type { EvaluationLoop } from "./evaluation-loop.js";
import { unmarked, type Asked, type LiveDecision, type Mark } from "./live-decision.js";
import { askedWith, type LiveHold } from "./live-hold.js";
import { LiveMember, type LiveLookup } from "./live-lookup.js";
import type { LiveRecorder } from "./live-recorder.js";
import { LookupLoop, type LookupKeeper } from "./lookup-loop.js";
import type { LookupRanges } from "./lookup-ranges.js";
import type { LivePort } from "./port.js";
import type { TenantDecisions } from "./tenant-decisions.js";

/** What lookups need of the registry of holds. */
export interface HoldingRegistry {
  readonly loop: EvaluationLoop;
  readonly barrier: Barrier;
  tenant(tenant: TenantId): TenantDecisions;
  decision(tenant: TenantId, asked: Asked): LiveDecision;
  attach(hold: LiveHold): void;
  detach(hold: LiveHold): void;
  /** @throws `overloaded` */
  requireRoom(): void;
  /** Forgets the tenant, where nothing is held of it any more. */
  tidy(tenant: TenantId): void;
}

/**
 * Who holds which lookups; what a commit does to them. A candidate is a hold like any other: what it may do is kept true, told, and waited for
 * as that is. What is proven here is that nobody is left out, and that whoever is found late counts for the commit by which he was found.
 */
export class LiveLookups implements LookupKeeper {
  readonly loop: LookupLoop;
  readonly #registry: HoldingRegistry;
  readonly #recorder: LiveRecorder | undefined;

  constructor(port: LivePort, registry: HoldingRegistry) {
    this.#registry = registry;
    this.#recorder = port.recorder;
    this.loop = new LookupLoop(port, this);
  }

  /** The lookup's client is told of its members from now on. */
  hold(lookup: LiveLookup): void {
    const { stream } = lookup;
    stream.lookups.set(lookup.id, lookup);
    this.#registry.tenant(stream.tenant).lookups.add(lookup);
    stream.due++;
    this.loop.queue(lookup);
  }

  /** In the tick in which a commit is published, before its writer is answered, and after it was told to the decisions. */
  apply(decisions: TenantDecisions, { revision, metadata, changes, schema }: Commit): void {
    if (decisions.lookups.size === 0) return;
    const mark: Mark & { readonly revision: number } = { kind: schema === undefined ? "tuple" : "schema", revision, metadata };
    if (schema !== undefined) for (const lookup of decisions.lookups) this.restart(lookup, mark);
    try {
      for (const { kind, tuple } of changes) if (kind === "write") decisions.ranges.written(tuple, (lookup) => this.#grown(lookup, mark));
    } catch (error) {
      // Whom it concerns is not known: everybody.
      for (const lookup of decisions.lookups) this.restart(lookup, mark);
      throw error;
    }
    for (const lookup of decisions.lookups) {
      if (lookup.refused) this.#countWildcard(lookup, mark.revision);
      // Whoever is not found yet, and is let in by the wildcard, may lose that by any commit till he is.
      else if (lookup.due && lookup.honouredForOthers !== undefined) this.#mark(lookup, mark);
    }
  }

  /** Its candidates are enumerated anew, whatever was known of them; those that are held stay so. */
  restart(lookup: LiveLookup, mark: Mark): void {
    if (lookup.refused) return;
    this.reset(lookup);
    this.#grown(lookup, mark);
  }

  /** Its client has forgotten it, or will not act on it any more. */
  drop(lookup: LiveLookup): void {
    const { stream } = lookup;
    if (stream.lookups.get(lookup.id) === lookup) stream.lookups.delete(lookup.id);
    stream.fading.delete(lookup);
    this.#end(lookup);
    for (const member of lookup.all()) this.#let(lookup, member);
    lookup.members.clear();
    lookup.wildcard = undefined;
    this.#registry.tenant(stream.tenant).lookups.delete(lookup);
    this.#registry.tidy(stream.tenant);
    stream.wake();
  }

  /** It cannot be had, or not any more. What its client was told counts until it has acknowledged that it is told of this. */
  refuse(lookup: LiveLookup, { code, message }: UsherError): void {
    const { stream } = lookup;
    stream.lookups.delete(lookup.id);
    const counts = [...lookup.all()].some(({ told, unconfirmed }) => told === "allowed" || told === "conditional" || unconfirmed > 0);
    const { marks } = lookup;
    lookup.marks = unmarked;
    for (const { revision } of marks) if (revision !== undefined) this.#registry.barrier.evaluated(revision, this.#wildcardOf(lookup));
    if (counts) {
      lookup.refused = true;
      stream.fading.add(lookup);
      this.#end(lookup);
    } else {
      this.#recorder?.ended([...lookup.all()], "refused");
      this.drop(lookup);
    }
    if (stream.departed) return;
    stream.refused.push({ id: lookup.id, code, message });
    if (stream.refused.length > limits.refusedWaitingMax) stream.end(new UsherError("overloaded", `${limits.refusedWaitingMax} refusals are not read: read them, and correct what is sent`));
    stream.wake();
  }

  ranges({ stream }: LiveLookup): LookupRanges {
    return this.#registry.tenant(stream.tenant).ranges;
  }

  isKept(lookup: LiveLookup): boolean {
    return lookup.stream.lookups.get(lookup.id) === lookup;
  }

  /** Beside a wildcard everybody stays who is told of by name: his answer is right, and silence would say another. */
  prune(lookup: LiveLookup): void {
    const { members, wildcard, following } = lookup;
    if (wildcard !== undefined || following === undefined) return;
    const over = [...members.values()].filter(({ member, told, unconfirmed, decision }) =>
      !following.enumeration.ids.has(member) && (told === undefined || told === "denied") && unconfirmed === 0 && !decision.due);
    this.#recorder?.ended(over, "released");
    for (const member of over) {
      members.delete(member.member);
      this.#let(lookup, member);
    }
  }

  /** @throws `overloaded` */
  take(lookup: LiveLookup, ids: readonly string[]): void {
    for (const id of ids) {
      if (lookup.members.has(id)) continue;
      lookup.members.set(id, this.#member(lookup, id, lookup.askedAbout(id)));
    }
  }

  /** @throws `overloaded` */
  settle(lookup: LiveLookup): void {
    if (lookup.following?.enumeration.wildcard === true && lookup.wildcard === undefined) this.#holdWildcard(lookup);
    const { marks, stream } = lookup;
    lookup.marks = unmarked;
    lookup.due = false;
    stream.due--;
    for (const { revision } of marks) if (revision !== undefined) this.#registry.barrier.evaluated(revision, []);
    stream.wake();
  }

  reset(lookup: LiveLookup): void {
    this.ranges(lookup).remove(lookup);
    lookup.following = undefined;
    lookup.begun++;
  }

  #grown(lookup: LiveLookup, mark: Mark): void {
    if (lookup.refused) return;
    this.#mark(lookup, mark);
    if (lookup.due) return;
    lookup.due = true;
    lookup.stream.due++;
    this.loop.queue(lookup);
  }

  #mark(lookup: LiveLookup, mark: Mark): void {
    if (lookup.marks.some(({ revision }) => revision === mark.revision)) return;
    lookup.marks = [...lookup.marks, mark];
    if (mark.revision !== undefined) this.#registry.barrier.marked(mark.revision);
  }

  #holdWildcard(lookup: LiveLookup): void {
    // An id that nobody can know is named by no tuple.
    const wildcard = this.#member(lookup, wildcardId, lookup.askedAbout(randomUUID()));
    lookup.wildcard = wildcard;
    // Of whom silence said that he is denied: it would say the wildcard's answer from now on.
    for (const member of lookup.members.values()) {
      if (member.told !== "denied") continue;
      member.toldStanding = undefined;
      lookup.stream.tell(member, false, undefined);
    }
  }

  #member(lookup: LiveLookup, name: string, asked: Asked): LiveMember {
    const { stream, contextName } = lookup;
    this.#registry.requireRoom();
    if (stream.size >= limits.holdsPerStreamMax) throw new UsherError("overloaded", `the stream has ${limits.holdsPerStreamMax} holds, those of lookups among them, as many as may be: release some, or open another`);
    const named = contextName === undefined ? undefined : stream.contexts.get(contextName);
    const told = lookup.honouredForOthers;
    const member = new LiveMember(lookup, name, asked, this.#registry.decision(stream.tenant, askedWith(asked, named?.context)), told);
    member.cause = lookup.marks.at(-1);
    stream.members++;
    named?.holds.add(member);
    this.#registry.attach(member);
    // The wildcard let him in till now: he counts for what has found him.
    if (told !== undefined) for (const mark of lookup.marks) this.#registry.loop.mark(member.decision, mark);
    return member;
  }

  /** The client has forgotten it. */
  #let(lookup: LiveLookup, member: LiveMember): void {
    const { stream, contextName } = lookup;
    this.#registry.detach(member);
    stream.members--;
    if (contextName !== undefined) stream.contexts.get(contextName)?.holds.delete(member);
    this.#registry.barrier.dropped(member);
  }

  /** Nothing is followed for it any more. */
  #end(lookup: LiveLookup): void {
    this.ranges(lookup).remove(lookup);
    lookup.following = undefined;
    lookup.begun++;
    this.loop.forget(lookup);
    for (const { revision } of lookup.marks) if (revision !== undefined) this.#registry.barrier.evaluated(revision, []);
    lookup.marks = unmarked;
    if (lookup.due) lookup.stream.due--;
    lookup.due = false;
  }

  #countWildcard(lookup: LiveLookup, revision: number): void {
    const wildcard = this.#wildcardOf(lookup);
    if (wildcard.length === 0) return;
    this.#registry.barrier.marked(revision);
    this.#registry.barrier.evaluated(revision, wildcard);
  }

  /** Who stands for all that are let in without being told of by name. */
  #wildcardOf({ honouredForOthers, wildcard }: LiveLookup): LiveMember[] {
    return wildcard !== undefined && (honouredForOthers === "allowed" || honouredForOthers === "conditional") ? [wildcard] : [];
  }
}
