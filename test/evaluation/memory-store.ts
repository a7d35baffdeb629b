import type { TupleChange } from "../../src/model/service.js";
import type { Head, Commit } from "../../src/storage/store.js";
import type { CommitSource } from "../../src/evaluation/cache/relation-cache.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { MemorySnapshot } from "./memory-snapshot.js";

/** One tenant's tuples in memory with every version that there was: what the relation cache is told of, and loads from. */
export class MemoryStore implements CommitSource {
  head: Head;
  readonly #versions: Tuple[][];
  readonly #listeners = new Set<(commit: Commit) => void>();

  readonly #pageSize: number;

  constructor(tuples: readonly Tuple[], instant: number, pageSize = 2) {
    this.head = { revision: 1, instant };
    this.#versions = [[], [...tuples]];
    this.#pageSize = pageSize;
  }

  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tuplesAt(revision: number): readonly Tuple[] {
    return this.#versions[revision] ?? [];
  }

  snapshot(): MemorySnapshot {
    return new MemorySnapshot(this.tuplesAt(this.head.revision), this.#pageSize, this.head);
  }

  /** Writes what does not stand, or not so; deletes what does. */
  toggle(tuples: readonly Tuple[], instant: number, schema?: string): void {
    const standing = new Map(this.tuplesAt(this.head.revision).map((tuple) => [tupleIdentity(tuple), JSON.stringify(tuple)]));
    this.apply(tuples.map((tuple) => ({ kind: standing.get(tupleIdentity(tuple)) === JSON.stringify(tuple) ? "delete" : "write", tuple })), instant, schema);
  }

  apply(changes: readonly TupleChange[], instant = this.head.instant, schema?: string): void {
    const standing = new Map(this.tuplesAt(this.head.revision).map((tuple) => [tupleIdentity(tuple), tuple]));
    for (const { kind, tuple } of changes) {
      if (kind === "delete") standing.delete(tupleIdentity(tuple));
      else standing.set(tupleIdentity(tuple), tuple);
    }
    this.head = { revision: this.head.revision + 1, instant };
    this.#versions.push([...standing.values()]);
    const commit: Commit = { ...this.head, tenant: 1, principal: "", metadata: {}, changes, ...(schema === undefined ? {} : { schema }) };
    for (const listener of this.#listeners) listener(commit);
  }
}
