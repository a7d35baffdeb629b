import { assert } from "../../base/assert.js";
import type { TupleFilter } from "../../model/filter.js";
import type { ObjectRef } from "../../model/object.js";
import { append } from "../../model/schema/multimap.js";
import type { SubjectRef } from "../../model/subject.js";
import { tupleIdentity, type StoredTuple } from "../../model/tuple.js";
import type { TenantId } from "../../model/zookie.js";
import type { Known, Up } from "../climb.js";
import { memberKey, subjectKey, upKey } from "../reads.js";
import type { ListQuery, Snapshot, TupleKey } from "../../storage/store.js";

interface KnownList {
  readonly tuples: StoredTuple[];
  readonly places: Map<string, number>;
}

/** What was read of one revision, whichever view of it that was. */
class Read {
  readonly lists = new Map<string, KnownList>();
  readonly complete = new Set<string>();
  /** By subject and relation. Tuples may stand in two lists, one of which is of fewer; then they are led to twice, which makes no difference. */
  readonly ups = new Map<string, StoredTuple[]>();
}

/**
 * A snapshot, with lists of it that have been read in full: keys and lists within these are answered from memory, so that the checks
 * of all who are in a relation do not read it once more for each. It answers exactly as the snapshot below, which its owner releases.
 */
export class KnownLists implements Snapshot, Known {
  readonly #below: Snapshot;
  readonly #read: Read;

  constructor(below: Snapshot, read = new Read()) {
    this.#below = below;
    this.#read = read;
  }

  /** The same lists over another view of the same revision. */
  over(below: Snapshot): KnownLists {
    assert(below.revision === this.revision, "lists are known of one revision");
    return new KnownLists(below, this.#read);
  }

  get revision(): Snapshot["revision"] {
    return this.#below.revision;
  }

  get instant(): Snapshot["instant"] {
    return this.#below.instant;
  }

  /**
   * Begins the list of a relation's stored tuples whose subject is of the type; with `subjectRelation`, of that relation. It is given all of
   * them, in the order of the snapshot, before anything is asked of it; what a climb looks up is made ready with each part, since a climb
   * cannot pause.
   */
  begin(object: ObjectRef, relation: string, subjectType: string, subjectRelation: string | undefined): (tuples: readonly StoredTuple[]) => void {
    const list: KnownList = { tuples: [], places: new Map() };
    this.#read.lists.set(listKey(object, relation, subjectType, subjectRelation), list);
    return (tuples) => {
      for (const tuple of tuples) {
        list.places.set(tupleIdentity(tuple), list.tuples.length);
        list.tuples.push(tuple);
        append(this.#read.ups, upKey(subjectKey(tuple.subject), tuple.object.type, tuple.relation), tuple);
      }
    };
  }

  /** As it was given. */
  get(object: ObjectRef, relation: string, subjectType: string, subjectRelation: string | undefined): readonly StoredTuple[] | undefined {
    return this.#read.lists.get(listKey(object, relation, subjectType, subjectRelation))?.tuples;
  }

  /** Everybody of whom the lists were read for, who is in the object's relation, is known to be; when all that was begun is complete. */
  complete(object: ObjectRef, relation: string): void {
    this.#read.complete.add(memberKey(object, relation));
  }

  isComplete(object: ObjectRef, relation: string): boolean {
    return this.#read.complete.has(memberKey(object, relation));
  }

  /** The known tuples of a relation that name a subject. */
  readonly up: Up = (subject, { type, name }) => this.#read.ups.get(upKey(subjectKey(subject), type, name)) ?? [];

  async probe(tenant: TenantId, keys: readonly TupleKey[], signal?: AbortSignal): Promise<(StoredTuple | undefined)[]> {
    const lists = keys.map(({ object, relation, subject }) => this.#listOf(object, relation, subject));
    const unknown = keys.filter((_, i) => lists[i] === undefined);
    const below = unknown.length === 0 ? [] : await this.#below.probe(tenant, unknown, signal);
    let at = 0;
    return keys.map((key, i) => {
      const list = lists[i];
      if (list === undefined) return below[at++];
      const place = list.places.get(tupleIdentity(key));
      return place === undefined ? undefined : list.tuples[place];
    });
  }

  async list(tenant: TenantId, query: ListQuery, signal?: AbortSignal): Promise<{ tuples: StoredTuple[]; next?: TupleKey }> {
    const list = this.#read.lists.get(keyOf(query.filter) ?? "");
    const start = query.after === undefined ? 0 : (list?.places.get(tupleIdentity(query.after)) ?? -1) + 1;
    if (list === undefined || (query.after !== undefined && start === 0)) return this.#below.list(tenant, query, signal);
    const tuples = list.tuples.slice(start, start + query.limit);
    const next = start + query.limit < list.tuples.length ? tuples.at(-1) : undefined;
    return next === undefined ? { tuples } : { tuples, next };
  }

  schema(tenant: TenantId): ReturnType<Snapshot["schema"]> {
    return this.#below.schema(tenant);
  }

  release(): void {
    this.#below.release();
  }

  #listOf(object: ObjectRef, relation: string, subject: SubjectRef): KnownList | undefined {
    return this.#read.lists.get(listKey(object, relation, subject.type, subject.relation)) ?? this.#read.lists.get(listKey(object, relation, subject.type, undefined));
  }
}

/** Of a filter that asks for a list as `add` takes one; undefined for any other. */
function keyOf(filter: TupleFilter): string | undefined {
  const { objectType: type, objectId: id, objectIdPrefix, relation, subjectType, subjectId, subjectRelation } = filter;
  if (type === undefined || id === undefined || relation === undefined || subjectType === undefined) return undefined;
  if (objectIdPrefix !== undefined || subjectId !== undefined) return undefined;
  return listKey({ type, id }, relation, subjectType, subjectRelation);
}

/** Ids hold no `#`, names neither `#` nor `@`. */
function listKey(object: ObjectRef, relation: string, subjectType: string, subjectRelation: string | undefined): string {
  return `${object.type}:${object.id}#${relation}@${subjectType}${subjectRelation === undefined ? "" : `#${subjectRelation}`}`;
}
