import { forEachMissing } from "../base/distinct.js";
import { wildcardId } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import type { Revision } from "../model/zookie.js";
import type { Ground } from "../evaluation/cache/leaf.js";
import { isOfKind, memberKey, subjectKey, upKey, type ListKind } from "../evaluation/reads.js";
import type { Reach } from "../evaluation/reach.js";
import type { Commit } from "../storage/store.js";
import { Few } from "./few.js";
import type { LiveDecision } from "./live-decision.js";

/** Keys that nobody watches any more are dropped once there are so many. */
const unwatchedMax = 4_096;

/**
 * A key that live decisions rest on: an object's relation, or the tuples of a relation that name a subject. Who does not rest on it any more
 * is left among the watchers until half of them are such: leaving costs nothing, and arrays are the smallest sets there are.
 */
export class ReachedKey implements Ground {
  readonly text: string;
  /** The last commit that touched it, or may have. */
  changedAt: Revision = 0;
  /** Which of a relation's tuples are listed: a change of any other concerns the subject that it names alone. */
  kinds: readonly ListKind[] = [];
  #watchers: LiveDecision[] = [];
  #stale = 0;

  constructor(text: string) {
    this.text = text;
  }

  get watched(): boolean {
    return this.#watchers.length > this.#stale;
  }

  lists(kind: ListKind): void {
    for (const known of this.kinds) if (known === kind || known.text === kind.text) return;
    this.kinds = this.kinds.length === 0 ? [kind] : [...this.kinds, kind];
  }

  add(decision: LiveDecision): void {
    // Most have one: an array that is pushed to, or spread, takes room for seventeen.
    if (this.#watchers.length === 0) this.#watchers = [decision];
    else this.#watchers.push(decision);
  }

  /** The decision's keys hold this one no more. */
  leave(): void {
    if (++this.#stale * 2 <= this.#watchers.length) return;
    this.#watchers = [...new Set(this.#watchers)].filter((decision) => decision.restsOn(this));
    this.#stale = 0;
  }

  touch(touched: (decision: LiveDecision) => void, concerns?: (decision: LiveDecision) => boolean): void {
    for (const decision of this.#watchers) {
      if (concerns !== undefined && !concerns(decision)) continue;
      if (this.#stale === 0 || decision.restsOn(this)) touched(decision);
    }
  }
}

/**
 * The keys that one tenant's live decisions rest on. They are noted before they are read, and told of every commit from then on: so
 * whoever registers a decision sees by `changedAt` whether a commit came between.
 *
 * By example, `user:ana` may `view` `document:1` through `document:1#viewer@group:eng#member`. The decision rests on `document:1#viewer`, of which
 * usersets of `group#member` are listed, and on `group:eng#member`. `group:eng#member@user:bo` concerns decisions about `user:bo` alone;
 * `document:1#viewer@group:ops#member` all that rest on `document:1#viewer`.
 */
export class ReachIndex implements Reach {
  readonly #members = new Map<string, ReachedKey>();
  readonly #ups = new Map<string, ReachedKey>();
  readonly #bySubject = new Map<string, Few<LiveDecision>>();
  readonly #unwatched = new Set<string>();
  /** The member key that was noted last: a relation is probed and listed by the same text, so that it need not be looked for twice. */
  #last: ReachedKey | undefined;
  #appliedAt: Revision = 0;

  get size(): number {
    return this.#members.size + this.#ups.size;
  }

  probed(key: string): Ground {
    return this.#member(key);
  }

  listed(key: string, kind: ListKind): Ground {
    const reached = this.#member(key);
    reached.lists(kind);
    return reached;
  }

  climbed(key: string): Ground {
    return this.#key(this.#ups, key);
  }

  /** Registers the decision under the keys that its last evaluation read, in place of those of the one before. */
  watch(decision: LiveDecision, keys: readonly ReachedKey[]): void {
    const before = decision.keys;
    decision.keys = keys;
    if (before.length === 0) this.#joinSubject(decision);
    forEachMissing(keys, before, (key) => this.#join(key, decision));
    forEachMissing(before, keys, (key) => this.#leave(key));
  }

  drop(decision: LiveDecision): void {
    const { keys, subjectKey: who } = decision;
    decision.keys = [];
    for (const key of keys) this.#leave(key);
    const others = this.#bySubject.get(who);
    others?.delete(decision);
    if (others?.size === 0) this.#bySubject.delete(who);
  }

  /** Tells of every decision that a commit may have changed, some of them several times. */
  apply({ revision, changes }: Commit, touched: (decision: LiveDecision) => void): void {
    this.#appliedAt = revision;
    for (const { tuple } of changes) this.#touch(tuple, revision, touched);
  }

  /** Tells of the same decisions for a commit that is not made: no key has changed. */
  concerned(tuples: Iterable<Tuple>, touched: (decision: LiveDecision) => void): void {
    for (const tuple of tuples) this.#touch(tuple, undefined, touched);
  }

  /** Forgets keys that nobody rests on; never while an evaluation is under way, which may have noted them. */
  prune(): void {
    if (this.#unwatched.size < unwatchedMax) return;
    for (const text of this.#unwatched) {
      for (const keys of [this.#members, this.#ups]) if (keys.get(text)?.watched === false) keys.delete(text);
    }
    this.#unwatched.clear();
    this.#last = undefined;
  }

  #touch({ object, relation, subject }: Tuple, revision: Revision | undefined, touched: (decision: LiveDecision) => void): void {
    const who = subjectKey(subject);
    const member = this.#members.get(memberKey(object, relation));
    if (member !== undefined) {
      if (revision !== undefined) member.changedAt = revision;
      if (member.kinds.some((kind) => isOfKind(subject, kind))) member.touch(touched);
      else if (subject.id === wildcardId) member.touch(touched, ({ subject: { type } }) => type === subject.type);
      else for (const decision of this.#bySubject.get(who) ?? []) if (decision.restsOn(member)) touched(decision);
    }
    const up = this.#ups.get(upKey(who, object.type, relation));
    if (up === undefined) return;
    if (revision !== undefined) up.changedAt = revision;
    up.touch(touched);
  }

  #member(text: string): ReachedKey {
    if (this.#last?.text === text) return this.#last;
    return (this.#last = this.#key(this.#members, text));
  }

  #key(keys: Map<string, ReachedKey>, text: string): ReachedKey {
    let key = keys.get(text);
    if (key === undefined) {
      key = new ReachedKey(text);
      // What came before it was noted may have touched it: an evaluation of an older snapshot must not be taken for the present.
      key.changedAt = this.#appliedAt;
      keys.set(text, key);
      this.#unwatched.add(text);
    }
    return key;
  }

  #join(key: ReachedKey, decision: LiveDecision): void {
    if (!key.watched) this.#unwatched.delete(key.text);
    key.add(decision);
  }

  #joinSubject(decision: LiveDecision): void {
    let those = this.#bySubject.get(decision.subjectKey);
    if (those === undefined) this.#bySubject.set(decision.subjectKey, (those = new Few()));
    those.add(decision);
  }

  #leave(key: ReachedKey): void {
    key.leave();
    if (!key.watched) this.#unwatched.add(key.text);
  }
}
