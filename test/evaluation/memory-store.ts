import type { Head, Commit } from "../../src/storage/store.js";
import type { CommitSource } from "../../src/evaluation/cache/relation-cache.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { MemorySnapshot } from "./memory-snapshot.js";

/** One tenant's tuples in memory with every version that there was: what the relation cache is told of, and loads from. */
export class MemoryStore implements CommitSource {
  head: Head;
  readonly #versions: Tuple[][];
  readonly #listeners = new Set<(commit: Commit) => void>();

  constructor(tuples: readonly Tuple[], instant: number) {
    this.head = { revision: 1, instant };
    this.#versions = [[], [...tuples]];
  }

  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tuplesAt(revision: number): readonly Tuple[] {
    return this.#versions[revision] ?? [];
  }

  snapshot(): MemorySnapshot {
    return new MemorySnapshot(this.tuplesAt(this.head.revision), 2, this.head);
  }

  /** Writes what does not stand, or not so; deletes what does. */
  toggle(tuples: readonly Tuple[], instant: number, schema?: string): void {
    const standing = new Map(this.tuplesAt(this.head.revision).map((tuple) => [tupleIdentity(tuple), tuple]));
    const changes = tuples.map((tuple) => {
      const was = standing.get(tupleIdentity(tuple));
      const kind = was !== undefined && JSON.stringify(was) === JSON.stringify(tuple) ? ("delete" as const) : ("write" as const);
      if (kind === "delete") standing.delete(tupleIdentity(tuple));
      else standing.set(tupleIdentity(tuple), tuple);
      return { kind, tuple };
    });
    this.head = { revision: this.head.revision + 1, instant };
    this.#versions.push([...standing.values()]);
    const commit: Commit = { ...this.head, tenant: 1, principal: "", metadata: {}, changes, ...(schema === undefined ? {} : { schema }) };
    for (const listener of this.#listeners) listener(commit);
  }
}
