import { limits } from "../base/limits.js";
import type { ObjectRef } from "../model/object.js";
import type { SubjectRef } from "../model/subject.js";
import { tupleIdentity, type StoredTuple, type Tuple } from "../model/tuple.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot, TupleKey } from "../storage/store.js";

/**
 * What a walk reads, synchronously. `undefined`: not in memory; it has been noted, and the walk runs again
 * once it is loaded. Direct subjects are probed one key at a time; only usersets and arrow targets are listed.
 */
export interface Reads {
  /** The tuple with this identity; null where none stands. */
  probe(object: ObjectRef, relation: string, subject: SubjectRef): Tuple | null | undefined;

  /**
   * The relation's tuples whose subject is of the type: with `subjectRelation` the usersets of that relation, without
   * it all. `tooMany`: there are more than a walk may list.
   */
  list(object: ObjectRef, relation: string, subjectType: string, subjectRelation?: string): readonly Tuple[] | typeof tooMany | undefined;
}

export const tooMany = Symbol("too many tuples");

interface WantedList {
  readonly object: ObjectRef;
  readonly relation: string;
  readonly subjectType: string;
  readonly subjectRelation: string | undefined;
}

/**
 * Reads of one snapshot, pinned for the length of a request: what was read once is the same when the walk
 * runs again from the top, and is together what the answer rests on.
 */
export class PinnedReads implements Reads {
  readonly #snapshot: Snapshot;
  readonly #tenant: TenantId;
  readonly #probes = new Map<string, StoredTuple | null>();
  readonly #lists = new Map<string, readonly StoredTuple[] | typeof tooMany>();
  readonly #wantedProbes = new Map<string, TupleKey>();
  readonly #wantedLists = new Map<string, WantedList>();

  constructor(snapshot: Snapshot, tenant: TenantId) {
    this.#snapshot = snapshot;
    this.#tenant = tenant;
  }

  /** How many keys and lists have been loaded. */
  get size(): number {
    return this.#probes.size + this.#lists.size;
  }

  /** Whether a walk that is told `undefined` once more should stop looking for what else to load. */
  get full(): boolean {
    return this.#wantedProbes.size + this.#wantedLists.size >= limits.readsPerPassMax;
  }

  get wanting(): boolean {
    return this.#wantedProbes.size + this.#wantedLists.size > 0;
  }

  probe(object: ObjectRef, relation: string, subject: SubjectRef): StoredTuple | null | undefined {
    const key = { object, relation, subject };
    const identity = tupleIdentity(key);
    const known = this.#probes.get(identity);
    if (known === undefined && !this.full) this.#wantedProbes.set(identity, key);
    return known;
  }

  list(object: ObjectRef, relation: string, subjectType: string, subjectRelation?: string): readonly StoredTuple[] | typeof tooMany | undefined {
    const identity = `${object.type}:${object.id}#${relation}@${subjectType}${subjectRelation === undefined ? "" : `#${subjectRelation}`}`;
    const known = this.#lists.get(identity);
    if (known === undefined && !this.full) this.#wantedLists.set(identity, { object, relation, subjectType, subjectRelation });
    return known;
  }

  /** Loads what was found wanting, in one round of bounded batches. */
  async load(signal?: AbortSignal): Promise<void> {
    const probes = [...this.#wantedProbes];
    const lists = [...this.#wantedLists].values();
    this.#wantedProbes.clear();
    this.#wantedLists.clear();
    const lane = async () => {
      for (const [identity, wanted] of lists) await this.#loadList(identity, wanted, signal);
    };
    const [found] = await Promise.all([
      probes.length === 0 ? [] : this.#snapshot.probe(this.#tenant, probes.map(([, key]) => key), signal),
      // No more at a time than the store lets pass: the others would only stand in the way of other requests.
      ...Array.from({ length: limits.readBatchesInFlightMax }, lane),
    ]);
    probes.forEach(([identity], i) => this.#probes.set(identity, found[i] ?? null));
  }

  async #loadList(identity: string, wanted: WantedList, signal?: AbortSignal): Promise<void> {
    const { object, relation, subjectType, subjectRelation } = wanted;
    const filter = {
      objectType: object.type,
      objectId: object.id,
      relation,
      subjectType,
      ...(subjectRelation === undefined ? {} : { subjectRelation }),
    };
    const all: StoredTuple[] = [];
    let after: TupleKey | undefined;
    do {
      const page = await this.#snapshot.list(this.#tenant, { filter, limit: limits.pageTuplesMax, ...(after === undefined ? {} : { after }) }, signal);
      all.push(...page.tuples);
      after = page.next;
    } while (after !== undefined && all.length <= limits.listTuplesMax);
    this.#lists.set(identity, all.length > limits.listTuplesMax ? tooMany : all);
  }
}

/** Contextual tuples laid over other reads, for one request. One that stands under the same identity hides the stored one. */
export class OverlaidReads implements Reads {
  readonly #below: Reads;
  readonly #tuples: ReadonlyMap<string, Tuple>;

  constructor(below: Reads, tuples: readonly Tuple[]) {
    this.#below = below;
    this.#tuples = new Map(tuples.map((tuple) => [tupleIdentity(tuple), tuple]));
  }

  probe(object: ObjectRef, relation: string, subject: SubjectRef): Tuple | null | undefined {
    return this.#tuples.get(tupleIdentity({ object, relation, subject })) ?? this.#below.probe(object, relation, subject);
  }

  list(object: ObjectRef, relation: string, subjectType: string, subjectRelation?: string): readonly Tuple[] | typeof tooMany | undefined {
    const below = this.#below.list(object, relation, subjectType, subjectRelation);
    if (below === undefined || below === tooMany) return below;
    const over = [...this.#tuples.values()].filter(
      (tuple) =>
        tuple.object.type === object.type &&
        tuple.object.id === object.id &&
        tuple.relation === relation &&
        tuple.subject.type === subjectType &&
        (subjectRelation === undefined || tuple.subject.relation === subjectRelation),
    );
    if (over.length === 0) return below;
    return [...below.filter((tuple) => !this.#tuples.has(tupleIdentity(tuple))), ...over];
  }
}
