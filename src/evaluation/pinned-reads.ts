import { limits } from "../base/limits.js";
import type { ObjectRef } from "../model/object.js";
import type { SubjectRef } from "../model/subject.js";
import type { StoredTuple } from "../model/tuple.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import { load, type WantedList, type WantedProbe } from "./loads.js";
import { subjectKey, type ListKind, type Reads, type TupleList } from "./reads.js";

/**
 * Reads of one snapshot, pinned for the length of a request: what was read once is the same when the walk
 * runs again from the top, and is together what the answer rests on.
 */
export class PinnedReads implements Omit<Reads, "holders"> {
  readonly #snapshot: Snapshot;
  readonly #tenant: TenantId;
  readonly #probes = new Map<string, StoredTuple | null>();
  readonly #lists = new Map<string, TupleList>();
  readonly #wantedProbes = new Map<string, WantedProbe>();
  readonly #wantedLists = new Map<string, WantedList>();

  constructor(snapshot: Snapshot, tenant: TenantId) {
    this.#snapshot = snapshot;
    this.#tenant = tenant;
  }

  /** How many keys and lists have been loaded. */
  get size(): number {
    return this.#probes.size + this.#lists.size;
  }

  get wanting(): boolean {
    return this.#wantedProbes.size + this.#wantedLists.size > 0;
  }

  probe(key: string, object: ObjectRef, relation: string, subject: SubjectRef): StoredTuple | null | undefined {
    const identity = `${key}@${subjectKey(subject)}`;
    const known = this.#probes.get(identity);
    if (known === undefined && !this.#full) this.#wantedProbes.set(identity, { object, relation, subject, found: (tuple) => this.#probes.set(identity, tuple) });
    return known;
  }

  list(key: string, object: ObjectRef, relation: string, kind: ListKind): TupleList | undefined {
    const identity = `${key}@${kind.text}`;
    const known = this.#lists.get(identity);
    if (known === undefined && !this.#full) this.#wantedLists.set(identity, { object, relation, kind, found: (tuples) => this.#lists.set(identity, tuples) });
    return known;
  }

  /** Loads what was found wanting, in one round of bounded batches. */
  async load(signal?: AbortSignal): Promise<void> {
    const probes = [...this.#wantedProbes.values()];
    const lists = [...this.#wantedLists.values()];
    this.#wantedProbes.clear();
    this.#wantedLists.clear();
    await load(this.#snapshot, this.#tenant, { probes, lists }, signal);
  }

  /** A walk that is told `undefined` once more should stop looking for what else to load. */
  get #full(): boolean {
    return this.#wantedProbes.size + this.#wantedLists.size >= limits.readsPerPassMax;
  }
}
