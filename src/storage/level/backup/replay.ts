import type { StoredTuple } from "../../../model/tuple.js";
import type { TenantId } from "../../../model/zookie.js";
import type { Commit, StoredChange } from "../../store.js";
import {
  counterKey, headKey, keyspaceRange, parseCounterKey, pastKey, schemaKey, shapeText, type Side, tenantLogKey, timeLogKey,
} from "../keys.js";
import type { RawDatabase, RawOperation } from "../raw.js";
import type { CommitRecord } from "../record.js";
import { decodeRow, encodeRow } from "../row.js";
import { seal, sealEmpty, sealJson, unsealJson } from "../seal.js";
import { corrupt, type Counters, entries, setCounter, type ShapeCount } from "../state.js";
import { shapeOf } from "../../../model/schema/shape.js";

const sides: readonly Side[] = ["object", "subject"];

/**
 * Applies commits of a log to a store that stands just before them, as committing them did: from a record follow the tuples and
 * the versions that they ended by both orders, the indexes of the log, the schema and the counters. The record's own row is its caller's.
 */
export class Replay {
  readonly #raw: RawDatabase;
  readonly #counters: Counters;
  readonly #touched = new Set<TenantId>();

  private constructor(raw: RawDatabase, counters: Counters) {
    this.#raw = raw;
    this.#counters = counters;
  }

  /** Over what the store counts by now. */
  static async over(raw: RawDatabase): Promise<Replay> {
    const counters: Counters = new Map();
    const snapshot = raw.snapshot();
    try {
      for await (const [key, value] of entries(raw, snapshot, keyspaceRange("counter"))) {
        const { tenant, shape } = parseCounterKey(key);
        setCounter(counters, tenant, shape, unsealJson(key, value) as number);
      }
    } finally {
      await snapshot.close();
    }
    return new Replay(raw, counters);
  }

  /** The rows of some commits, in order; the rows of those before are to be in the database. @throws `store_corrupt` where they do not fit what is there */
  async rows(records: readonly CommitRecord[]): Promise<RawOperation[]> {
    const operations: RawOperation[] = [];
    const standing = await this.#standing(records);
    for (const { commit } of records) {
      for (const change of commit.changes) this.#change(operations, commit, change, standing);
      this.#indexes(operations, commit);
    }
    return operations;
  }

  /** The counters of the tenants whose commits were replayed, once at the end: zeros take none. */
  counterRows(): RawOperation[] {
    return [...this.#touched].flatMap((tenant) =>
      [...(this.#counters.get(tenant)?.values() ?? [])].map(({ shape, count }): RawOperation => {
        const key = counterKey(tenant, shape);
        return count === 0 ? { type: "del", key } : { type: "put", key, value: sealJson(key, count) };
      }),
    );
  }

  /** What stands in the database of the tuples that the commits change, by their keys. */
  async #standing(records: readonly CommitRecord[]): Promise<Map<string, StoredTuple>> {
    const wanted = records.flatMap(({ commit: { tenant, changes } }) => changes.filter(({ replaced }) => replaced !== undefined).map(({ tuple }) => ({ key: headKey("object", tenant, tuple), tuple })));
    const snapshot = this.#raw.snapshot();
    try {
      const values = await this.#raw.getMany(wanted.map(({ key }) => key), snapshot);
      const standing = new Map<string, StoredTuple>();
      for (const [i, { key, tuple }] of wanted.entries()) {
        const value = values[i];
        if (value !== undefined) standing.set(key.toString("latin1"), decodeRow(key, value, tuple).tuple);
      }
      return standing;
    } finally {
      await snapshot.close();
    }
  }

  #change(operations: RawOperation[], { tenant, revision }: Commit, { kind, tuple, replaced }: StoredChange, standing: Map<string, StoredTuple>): void {
    const name = headKey("object", tenant, tuple).toString("latin1");
    const ended = replaced === undefined ? undefined : standing.get(name);
    if (ended?.since !== replaced) throw corrupt(`revision ${revision} does not follow from the tuples before it`);
    for (const side of sides) {
      const key = headKey(side, tenant, tuple);
      operations.push(kind === "delete" ? { type: "del", key } : { type: "put", key, value: encodeRow(key, tuple, revision) });
      if (ended === undefined) continue;
      const past = pastKey(side, tenant, tuple, ended.since);
      operations.push({ type: "put", key: past, value: encodeRow(past, ended, ended.since, revision) });
    }
    if (kind === "write") standing.set(name, { ...tuple, since: revision });
    else standing.delete(name);
    if (kind === "write") this.#count(tenant, tuple, 1);
    if (ended) this.#count(tenant, ended, -1);
  }

  /** A count of zero stays in the map, so that its row is deleted at the end. */
  #count(tenant: TenantId, tuple: StoredTuple | StoredChange["tuple"], by: number): void {
    const shape = shapeOf(tuple);
    let ofTenant = this.#counters.get(tenant);
    if (ofTenant === undefined) this.#counters.set(tenant, (ofTenant = new Map<string, ShapeCount>()));
    const count = (ofTenant.get(shapeText(shape))?.count ?? 0) + by;
    if (count < 0) throw corrupt("its counters do not fit its log");
    ofTenant.set(shapeText(shape), { shape, count });
    this.#touched.add(tenant);
  }

  #indexes(operations: RawOperation[], { tenant, revision, instant, schema }: Commit): void {
    for (const key of [tenantLogKey(tenant, revision), timeLogKey(instant, revision)]) operations.push({ type: "put", key, value: sealEmpty(key) });
    if (schema === undefined) return;
    const key = schemaKey(tenant, revision);
    operations.push({ type: "put", key, value: seal(key, Buffer.from(schema)) });
  }
}
