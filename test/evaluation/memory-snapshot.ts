import { setImmediate } from "node:timers/promises";
import { matches } from "../../src/model/filter.js";
import { formatTuple, tupleIdentity, type StoredTuple, type Tuple } from "../../src/model/tuple.js";
import type { ListQuery, Snapshot, TupleKey } from "../../src/storage/store.js";

/** A snapshot of a list of tuples, for what is a function of a snapshot and nothing else. Its pages are short and its answers come late, so that every walk is resumed. */
export class MemorySnapshot implements Snapshot {
  readonly revision: number;
  readonly instant: number;
  readonly #tuples: readonly StoredTuple[];
  /** How many reads were asked for. */
  reads = 0;

  readonly #pageSize: number;

  constructor(tuples: readonly Tuple[], pageSize = 2, at = { revision: 1, instant: 0 }) {
    this.revision = at.revision;
    this.instant = at.instant;
    this.#pageSize = pageSize;
    this.#tuples = tuples.map((tuple) => ({ ...tuple, since: 1 })).sort((a, b) => (formatTuple(a) < formatTuple(b) ? -1 : 1));
  }

  async probe(_tenant: number, keys: readonly TupleKey[]): Promise<(StoredTuple | undefined)[]> {
    this.reads += keys.length;
    await setImmediate();
    return keys.map((key) => this.#tuples.find((tuple) => tupleIdentity(tuple) === tupleIdentity(key)));
  }

  async list(_tenant: number, query: ListQuery): Promise<{ tuples: StoredTuple[]; next?: TupleKey }> {
    this.reads++;
    await setImmediate();
    const all = this.#tuples.filter((tuple) => matches(query.filter, tuple));
    const start = query.after === undefined ? 0 : all.findIndex((tuple) => tupleIdentity(tuple) === tupleIdentity(query.after as Tuple)) + 1;
    const tuples = all.slice(start, start + this.#pageSize);
    const last = tuples.at(-1);
    return start + this.#pageSize < all.length && last !== undefined ? { tuples, next: last } : { tuples };
  }

  schema(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  release(): void {}
}
