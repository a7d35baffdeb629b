import type { Instant } from "../base/clock.js";
import { matches } from "../model/filter.js";
import type { Operation } from "../model/service.js";
import { tupleIdentity, type StoredTuple } from "../model/tuple.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { ListQuery, Snapshot, TupleKey } from "../storage/store.js";

/**
 * A snapshot as it would stand after a write of one tenant that is not made. What the write adds is listed on the last page, out of the
 * order of the others and beyond its limit: an evaluation reads a list whole, and asks for no order.
 */
export class OverlaidSnapshot implements Snapshot {
  readonly #below: Snapshot;
  readonly #tenant: TenantId;
  /** By identity; undefined: deleted. */
  readonly #tuples: ReadonlyMap<string, StoredTuple | undefined>;

  /** @param operations of different tuples. Releasing it is left to whoever took the snapshot below. */
  constructor(below: Snapshot, tenant: TenantId, operations: readonly Operation[]) {
    this.#below = below;
    this.#tenant = tenant;
    this.#tuples = new Map(operations.map(({ kind, tuple }) => [tupleIdentity(tuple), kind === "delete" ? undefined : { ...tuple, since: below.revision }]));
  }

  get revision(): Revision {
    return this.#below.revision;
  }

  get instant(): Instant {
    return this.#below.instant;
  }

  async probe(tenant: TenantId, keys: readonly TupleKey[], signal?: AbortSignal): Promise<(StoredTuple | undefined)[]> {
    const found = await this.#below.probe(tenant, keys, signal);
    if (tenant !== this.#tenant) return found;
    return found.map((tuple, i) => {
      const identity = tupleIdentity(keys[i] as TupleKey);
      return this.#tuples.has(identity) ? this.#tuples.get(identity) : tuple;
    });
  }

  async list(tenant: TenantId, query: ListQuery, signal?: AbortSignal): Promise<{ tuples: StoredTuple[]; next?: TupleKey }> {
    const page = await this.#below.list(tenant, query, signal);
    if (tenant !== this.#tenant) return page;
    const tuples = page.tuples.filter((tuple) => !this.#tuples.has(tupleIdentity(tuple)));
    if (page.next !== undefined) return { tuples, next: page.next };
    for (const tuple of this.#tuples.values()) if (tuple !== undefined && matches(query.filter, tuple)) tuples.push(tuple);
    return { tuples };
  }

  schema(tenant: TenantId): Promise<{ text: string; revision: Revision } | undefined> {
    return this.#below.schema(tenant);
  }

  release(): void {
    // The snapshot below is not its own.
  }
}
