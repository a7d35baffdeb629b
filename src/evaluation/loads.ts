import { limits } from "../base/limits.js";
import type { ObjectRef } from "../model/object.js";
import type { TupleFilter } from "../model/filter.js";
import type { SubjectRef } from "../model/subject.js";
import type { StoredTuple } from "../model/tuple.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot, TupleKey } from "../storage/store.js";
import { tooMany, type ListKind, type TupleList } from "./reads.js";

/** A key that a walk found wanting, and who is told what stands there. */
export interface WantedProbe extends TupleKey {
  readonly found: (tuple: StoredTuple | null) => void;
}

export interface WantedList {
  readonly object: ObjectRef;
  readonly relation: string;
  readonly kind: ListKind;
  readonly found: (tuples: TupleList) => void;
}

/** The tuples that name a subject, of one type and relation or all; undefined: they are more than `max`. */
export interface WantedSubject {
  readonly subject: SubjectRef;
  readonly of?: { readonly type: string; readonly relation: string };
  readonly max: number;
  readonly found: (tuples: readonly StoredTuple[] | undefined) => void;
}

export interface Wanted {
  readonly probes: readonly WantedProbe[];
  readonly lists: readonly WantedList[];
  readonly subjects?: readonly WantedSubject[];
}

/** Loads from a snapshot what was found wanting, in one round of bounded batches. @throws what the snapshot throws */
export async function load(snapshot: Snapshot, tenant: TenantId, { probes, lists, subjects = [] }: Wanted, signal?: AbortSignal): Promise<void> {
  const waiting: Iterator<() => Promise<void>> = [
    ...lists.map((wanted) => async () => wanted.found((await listAll(snapshot, tenant, filterOf(wanted), limits.listTuplesMax, signal)) ?? tooMany)),
    ...subjects.map((wanted) => async () => wanted.found(await listAll(snapshot, tenant, filterOfSubject(wanted), wanted.max, signal))),
  ].values();
  const lane = async () => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) await next.value();
  };
  const probe = async () => {
    const found = await snapshot.probe(tenant, probes, signal);
    probes.forEach((wanted, i) => wanted.found(found[i] ?? null));
  };
  // No more at a time than the store lets pass: the others would only stand in the way of other requests.
  const lanes = Math.min(limits.readBatchesInFlightMax, lists.length + subjects.length);
  await Promise.all([probes.length === 0 ? undefined : probe(), ...Array.from({ length: lanes }, lane)]);
}

function filterOf({ object, relation, kind }: WantedList): TupleFilter {
  const filter = { objectType: object.type, objectId: object.id, relation, subjectType: kind.type };
  return kind.relation === undefined ? filter : { ...filter, subjectRelation: kind.relation };
}

function filterOfSubject({ subject: { type, id, relation }, of }: WantedSubject): TupleFilter {
  const filter = { subjectType: type, subjectId: id, subjectRelation: relation };
  return of === undefined ? filter : { ...filter, objectType: of.type, relation: of.relation };
}

/** Undefined: there are more than `max`. */
async function listAll(snapshot: Snapshot, tenant: TenantId, filter: TupleFilter, max: number, signal?: AbortSignal): Promise<StoredTuple[] | undefined> {
  const all: StoredTuple[] = [];
  let after: TupleKey | undefined;
  do {
    const limit = Math.min(limits.pageTuplesMax, max + 1);
    const page = await snapshot.list(tenant, { filter, limit, ...(after === undefined ? {} : { after }) }, signal);
    for (const tuple of page.tuples) all.push(tuple);
    after = page.next;
  } while (after !== undefined && all.length <= max);
  return all.length > max ? undefined : all;
}
