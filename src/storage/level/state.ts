import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { TupleShape } from "../../model/schema/schema.js";
import type { Revision, TenantId } from "../../model/zookie.js";
import type { Head, StoreIdentity } from "../store.js";
import {
  allCounters, allSchemas, type KeyRange, logKey, metaKey, metaName, metaRange, parseCounterKey, parseLogKey, parseSchemaKey, shapeText,
} from "./keys.js";
import { type ChainPoint, format, type MetaRows, tenantPrefix } from "./meta.js";
import type { RawDatabase, RawSnapshot } from "./raw.js";
import { type CommitRecord, decodeRecord } from "./record.js";
import { unseal, unsealJson } from "./seal.js";

/** What of the store is in memory: as of the published head, and small. */
export interface State {
  identity: StoreIdentity;
  head: ChainPoint;
  horizon: Head;
  mark: ChainPoint;
  /** Changes since the mark, and the commits themselves: what the next start would have to verify. */
  unverified: number;
  readonly tenants: Map<string, TenantId>;
  readonly counters: Counters;
  readonly schemas: Map<TenantId, SchemaInForce>;
}

export interface SchemaInForce {
  readonly text: string;
  readonly revision: Revision;
}

/** How many tuples of a shape stand, by tenant and the shape's text. */
export type Counters = Map<TenantId, Map<string, ShapeCount>>;

export interface ShapeCount {
  readonly shape: TupleShape;
  readonly count: number;
}

/**
 * Reads it all from an opened database, after verifying the chain of commits from the last verified
 * mark to the head: no revision is missing, each record carries the hash of the one before, the head
 * that of the last, and time does not go back.
 * @throws `store_corrupt`, `store_format_newer`, what LevelDB throws
 */
export async function readState(raw: RawDatabase): Promise<State> {
  const snapshot = raw.snapshot();
  try {
    const meta = await readMeta(raw, snapshot);
    if (meta.format > format) throw newerFormat(meta.format);
    const unverified = await verifyChain(raw, snapshot, meta);
    return {
      ...meta,
      unverified,
      tenants: await readTenants(raw, snapshot),
      counters: await readCounters(raw, snapshot),
      schemas: await readSchemas(raw, snapshot),
    };
  } finally {
    await snapshot.close();
  }
}

export function newerFormat(found: number): UsherError {
  return new UsherError(
    "store_format_newer",
    `the store has format ${found}, and this version reads up to ${format}: open it with the version that wrote it, or a newer one`,
  );
}

async function readMeta(raw: RawDatabase, snapshot: RawSnapshot): Promise<MetaRows> {
  const names = ["format", "identity", "head", "horizon", "mark"] as const;
  const keys = names.map(metaKey);
  const values = await raw.getMany(keys, snapshot);
  const entries = names.map((name, i) => {
    const [key, value] = [keys[i], values[i]];
    if (key === undefined || value === undefined) throw corrupt(`its row \`${name}\` is missing`);
    return [name, unsealJson(key, value)];
  });
  return Object.fromEntries(entries) as MetaRows;
}

async function verifyChain(raw: RawDatabase, snapshot: RawSnapshot, { head, horizon, mark }: MetaRows): Promise<number> {
  if (mark.revision > head.revision || horizon.revision > mark.revision) throw corrupt("its head, mark and horizon contradict each other");
  let last: ChainPoint = mark;
  let unverified = 0;
  for await (const [key, value] of entries(raw, snapshot, { gt: logKey(mark.revision), lt: logKey(Number.MAX_SAFE_INTEGER) })) {
    const record = decodeRecord(parseLogKey(key), key, value);
    last = verifyLink(last, record);
    unverified += 1 + record.commit.changes.length;
  }
  if (last.revision < head.revision) throw missing(last.revision + 1);
  if (last.revision !== head.revision || last.hash !== head.hash || last.instant !== head.instant) {
    throw corrupt(`its head does not match the record of revision ${last.revision}`);
  }
  return unverified;
}

/** The next point of the chain. @throws `store_corrupt` */
export function verifyLink(last: ChainPoint, { commit, previous, hash }: CommitRecord): ChainPoint {
  if (commit.revision !== last.revision + 1) throw missing(last.revision + 1);
  if (previous.toString("hex") !== last.hash) throw corrupt(`revision ${commit.revision} does not follow from the one before it`);
  if (commit.instant < last.instant) throw corrupt(`revision ${commit.revision} is of an earlier instant than the one before it`);
  return { revision: commit.revision, instant: commit.instant, hash: hash.toString("hex") };
}

function missing(revision: Revision): UsherError {
  return corrupt(`revision ${revision} is missing from its log`);
}

export function corrupt(what: string): UsherError {
  return new UsherError("store_corrupt", `the store is damaged: ${what}: restore it from a backup`);
}

async function readTenants(raw: RawDatabase, snapshot: RawSnapshot): Promise<Map<string, TenantId>> {
  const tenants = new Map<string, TenantId>();
  for await (const [key, value] of entries(raw, snapshot, metaRange(tenantPrefix))) {
    tenants.set(metaName(key).slice(tenantPrefix.length), unsealJson(key, value) as TenantId);
  }
  return tenants;
}

async function readCounters(raw: RawDatabase, snapshot: RawSnapshot): Promise<Counters> {
  const counters: Counters = new Map();
  for await (const [key, value] of entries(raw, snapshot, allCounters)) {
    const { tenant, shape } = parseCounterKey(key);
    setCounter(counters, tenant, shape, unsealJson(key, value) as number);
  }
  return counters;
}

export function setCounter(counters: Counters, tenant: TenantId, shape: TupleShape, count: number): void {
  let ofTenant: Map<string, ShapeCount> | undefined = counters.get(tenant);
  if (ofTenant === undefined) {
    ofTenant = new Map<string, ShapeCount>();
    counters.set(tenant, ofTenant);
  }
  if (count === 0) ofTenant.delete(shapeText(shape));
  else ofTenant.set(shapeText(shape), { shape, count });
}

/** In the order of revisions within a tenant, so that the last one stays. */
async function readSchemas(raw: RawDatabase, snapshot: RawSnapshot): Promise<Map<TenantId, SchemaInForce>> {
  const schemas = new Map<TenantId, SchemaInForce>();
  for await (const [key, value] of entries(raw, snapshot, allSchemas)) {
    const { tenant, revision } = parseSchemaKey(key);
    schemas.set(tenant, { text: unseal(key, value).toString(), revision });
  }
  return schemas;
}

/** All entries of a range, in chunks. */
export async function* entries(
  raw: RawDatabase,
  snapshot: RawSnapshot,
  range: KeyRange | { gt: Buffer; lt: Buffer } | { gt: Buffer; lte: Buffer },
): AsyncGenerator<[Buffer, Buffer]> {
  const iterator = raw.iterate({ ...range, snapshot });
  try {
    for (;;) {
      const chunk = await iterator.next(limits.pageTuplesMax);
      if (chunk.length === 0) return;
      yield* chunk;
    }
  } finally {
    await iterator.close();
  }
}
