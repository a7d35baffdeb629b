import { onAbort } from "../base/abort.js";
import { limits } from "../base/limits.js";
import type { ObjectRef } from "../model/object.js";
import { wildcardId, type SubjectRef } from "../model/subject.js";
import type { StoredTuple } from "../model/tuple.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import type { Leaf, ListLeaf, ProbeLeaf } from "./cache/leaf.js";
import type { RelationCache } from "./cache/relation-cache.js";
import type { SubjectView } from "./cache/subject-view.js";
import { load, type WantedList, type WantedProbe, type WantedSubject } from "./loads.js";
import type { Member } from "./plan.js";
import { subjectKey, tooMany, type ListKind, type TupleList } from "./reads.js";

interface Probe {
  readonly what: "probe";
  readonly leaf: ProbeLeaf;
  readonly object: ObjectRef;
  readonly relation: string;
  readonly subject: SubjectRef;
}

interface List {
  readonly what: "list";
  readonly leaf: ListLeaf;
  readonly object: ObjectRef;
  readonly relation: string;
  readonly kind: ListKind;
}

interface Subject {
  readonly what: "subject";
  readonly leaf: SubjectView;
  readonly subject: SubjectRef;
  readonly max: number;
}

interface Up {
  readonly what: "up";
  readonly leaf: ListLeaf;
  readonly subject: SubjectRef;
  readonly type: string;
  readonly relation: string;
}

type Want = Probe | List | Subject | Up;

/** How often one request may want the same key, before it is plain that commits or the budget take it away each time. */
const wantsMax = 3;

/**
 * What the walks of one request want that is not in memory. It is loaded from the newest snapshot and kept for everybody, unless a
 * commit has overtaken it meanwhile. What another request is loading already is waited for and not loaded twice.
 */
export class Wants {
  readonly #cache: RelationCache;
  readonly #tenant: TenantId;
  readonly #wanted = new Map<Want["leaf"], Want>();
  readonly #others = new Set<Promise<void>>();
  readonly #times = new Map<string, number>();
  readonly #cold: boolean;
  #loaded = 0;
  #thwarted = false;

  /** @param cold what it finds out is not shared, so that each subject is asked for one key after the other */
  constructor(cache: RelationCache, tenant: TenantId, cold: boolean) {
    this.#cache = cache;
    this.#tenant = tenant;
    this.#cold = cold;
  }

  /** How many keys and lists the request has had loaded. */
  get loaded(): number {
    return this.#loaded;
  }

  get wanting(): boolean {
    return this.#wanted.size + this.#others.size > 0;
  }

  /** Something was wanted again and again: the request should be finished on a snapshot of its own. */
  get thwarted(): boolean {
    return this.#thwarted;
  }

  probe(leaf: ProbeLeaf, key: string, object: ObjectRef, relation: string, subject: SubjectRef): void {
    if (this.#takes(leaf)) this.#add(`${key}@${subjectKey(subject)}`, { what: "probe", leaf, object, relation, subject });
  }

  /** Whether all tuples of the subject will be loaded, rather than one more of them. */
  all(view: SubjectView, subject: SubjectRef): boolean {
    if (this.#wanted.has(view)) return true;
    const identity = `@${subjectKey(subject)}`;
    // A commit that touches any of them overtakes the load: then the request goes on key by key. Those of a wildcard are many.
    const max = view.wantsAll(this.#cold && subject.id !== wildcardId && !this.#times.has(identity));
    if (max > 0 && this.#takes(view)) this.#add(identity, { what: "subject", leaf: view, subject, max });
    return max > 0;
  }

  list(leaf: ListLeaf, key: string, object: ObjectRef, relation: string, kind: ListKind): void {
    if (this.#takes(leaf)) this.#add(`${key}@${kind.text}`, { what: "list", leaf, object, relation, kind });
  }

  /** @param key as `upKey` makes it */
  up(leaf: ListLeaf, key: string, subject: SubjectRef, { type, name }: Pick<Member, "type" | "name">): void {
    if (this.#takes(leaf)) this.#add(key, { what: "up", leaf, subject, type, relation: name });
  }

  /** Loads what was found wanting, in one round of bounded batches. @throws what the snapshot throws */
  async load(snapshot: Snapshot, signal?: AbortSignal): Promise<void> {
    const wanted = [...this.#wanted.values()];
    const others = [...this.#others];
    this.#wanted.clear();
    this.#others.clear();
    this.#loaded += wanted.length;
    this.#cache.counts.readMisses += wanted.length;
    const { revision } = snapshot;
    const probes: WantedProbe[] = [];
    const lists: WantedList[] = [];
    const subjects: WantedSubject[] = [];
    for (const want of wanted) {
      if (want.what === "probe") probes.push({ ...want, found: (tuple) => this.#fillProbe(want, tuple, revision) });
      else if (want.what === "list") lists.push({ ...want, found: (tuples) => this.#fillList(want, tuples, revision) });
      else if (want.what === "up") subjects.push({ ...want, of: want, max: limits.holdersMax, found: (tuples) => this.#fill(want.leaf, tuples ?? tooMany, revision) });
      else subjects.push({ ...want, found: (tuples) => this.#fillSubject(want, tuples, revision) });
    }
    const loading = load(snapshot, this.#tenant, { probes, lists, subjects }, signal);
    // At once, whatever else is waited for: who joined a load that has ended would come back for it again and again.
    const end = () => {
      for (const { leaf } of wanted) if (leaf.loading === ended) leaf.loading = undefined;
    };
    const ended = loading.then(end, end);
    for (const { leaf } of wanted) leaf.loading = ended;
    // What the others come to is theirs: if they are cancelled or fail, it is wanted again, by this request.
    await Promise.all([loading, untilAborted(Promise.all(others), signal)]);
  }

  /** Whether the request is to load the leaf itself, and has room for it. */
  #takes(leaf: Want["leaf"]): boolean {
    if (leaf.loading !== undefined) {
      this.#others.add(leaf.loading);
      return false;
    }
    return this.#wanted.size < limits.readsPerPassMax && !this.#wanted.has(leaf);
  }

  #add(identity: string, want: Want): void {
    const times = (this.#times.get(identity) ?? 0) + 1;
    this.#times.set(identity, times);
    if (times > wantsMax) this.#thwarted = true;
    this.#wanted.set(want.leaf, want);
  }

  #fillProbe(want: Probe, tuple: StoredTuple | null, revision: number): void {
    const { leaf, object, relation, subject } = want;
    this.#fill(leaf, tuple === null ? null : { ...tuple, object, relation, subject }, revision);
  }

  /** Thousands of tuples of one relation share what is the same in all. */
  #fillList({ leaf, object, relation, kind }: List, tuples: TupleList, revision: number): void {
    const slim = tuples === tooMany ? tuples : tuples.map((tuple) => ({ ...tuple, object, relation, subject: { ...tuple.subject, type: kind.type } }));
    this.#fill(leaf, slim, revision);
  }

  #fillSubject({ leaf, max }: Subject, tuples: readonly StoredTuple[] | undefined, revision: number): void {
    if (!leaf.fill(tuples, revision, max)) this.#cache.counts.fillsDiscarded++;
  }

  /** A leaf that was forgotten meanwhile may be filled with what is past: nobody finds it any more. */
  #fill<Value extends StoredTuple | null | TupleList>(leaf: Leaf<Value>, value: Value, revision: number): void {
    const before = leaf.bytes;
    if (leaf.fill(value, revision)) this.#cache.budget.charge(leaf.bytes - before);
    else this.#cache.counts.fillsDiscarded++;
  }
}

/** Ends when the promise does, or the caller is gone. */
async function untilAborted(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  let leave: (() => void) | undefined;
  const aborted = new Promise<void>((resolve) => (leave = onAbort(signal, resolve)));
  try {
    await Promise.race([promise, aborted]);
  } finally {
    leave?.();
  }
}
