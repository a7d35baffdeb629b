import { limits } from "../../base/limits.js";
import type { TupleShape } from "../../model/schema/schema.js";
import type { TenantId } from "../../model/zookie.js";
import type { Commit } from "../store.js";
import { counterKey, tenantLogKey, timeLogKey } from "./keys.js";
import { type ChainPoint, putMeta } from "./meta.js";
import type { RawBatch, RawOperation } from "./raw.js";
import type { EncodedRecord } from "./record.js";
import { sealEmpty, sealJson } from "./seal.js";
import type { SchemaInForce, State } from "./state.js";

/** One batch on its way into the store, with the commits that it makes; none, where it only keeps house. */
export interface Group {
  readonly batch: RawBatch;
  readonly commits: readonly Commit[];
  readonly schemas: ReadonlyMap<TenantId, SchemaInForce>;
  readonly counters: ReadonlyMap<string, Counted>;
  /** The published head as the verified mark, once much has been committed since the last one. */
  readonly mark: ChainPoint | undefined;
  /** The head as it will be once the batch is durable. */
  readonly head: ChainPoint;
}

/** How many tuples of a shape will stand. */
export interface Counted {
  readonly tenant: TenantId;
  readonly shape: TupleShape;
  readonly count: number;
}

/** A commit's rows in the log, and the head with it. */
export function logRows({ tenant, revision, instant }: Omit<Commit, "changes">, { key, value, hash }: EncodedRecord): { rows: RawOperation[]; head: ChainPoint } {
  const byTenant = tenantLogKey(tenant, revision);
  return {
    rows: [
      { type: "put", key, value },
      { type: "put", key: byTenant, value: sealEmpty(byTenant) },
    ],
    head: { revision, instant, hash: hash.toString("hex") },
  };
}

/** What a group closes with. */
interface Closing extends Pick<Group, "counters" | "head"> {
  readonly commits: readonly Omit<Commit, "changes">[];
}

/** What stands once for a whole group, at the end of its batch. */
export function closingRows({ commits, counters, head }: Closing, state: Pick<State, "unverified" | "head">): { rows: RawOperation[]; mark: ChainPoint | undefined } {
  const rows: RawOperation[] = [];
  const mark = state.unverified > limits.verifyChangesMax ? state.head : undefined;
  if (mark) rows.push(putMeta("mark", mark));
  for (const { tenant, shape, count } of counters.values()) {
    const key = counterKey(tenant, shape);
    rows.push(count === 0 ? { type: "del", key } : { type: "put", key, value: sealJson(key, count) });
  }
  // Of the commits of one instant the last is found by it, so the last alone is led to.
  for (const [at, { instant, revision }] of commits.entries()) {
    if (commits[at + 1]?.instant === instant) continue;
    const byTime = timeLogKey(instant, revision);
    rows.push({ type: "put", key: byTime, value: sealEmpty(byTime) });
  }
  if (commits.length > 0) rows.push(putMeta("head", head));
  return { rows, mark };
}
