import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { TupleShape } from "../../model/schema/schema.js";
import type { Revision, TenantId } from "../../model/zookie.js";
import type { Ancestor, Head, StoreIdentity } from "../store.js";
import { type ImportRecord, Imports } from "./import-record.js";
import {
  allCounters, allImports, allSchemas, allStaged, type ImportName, type KeyRange, logKey, parseImportName, stagedRange, metaKey, metaName, metaRange, parseCounterKey, parseLogKey, parseSchemaKey, shapeText,
} from "./keys.js";
import { type ChainPoint, format, type MetaRows, tenantPrefix } from "./meta.js";
import type { RawDatabase, RawSnapshot } from "./raw.js";
import { type CommitRecord, decodeRecord } from "./record.js";
import { unseal, unsealJson } from "./seal.js";
import { detailsPrefix, endedPrefix, nextName, type TenantDetails, Tenants } from "./tenants.js";

/** What of the store is in memory: as of the published head, and small. */
export interface State {
  /** The format of its rows. */
  readonly format: number;
  identity: StoreIdentity;
  readonly ancestors: readonly Ancestor[];
  head: ChainPoint;
  horizon: Head;
  mark: ChainPoint;
  /** Changes since the mark, and the commits themselves: what the next start would have to verify. */
  unverified: number;
  readonly tenants: Tenants;
  readonly counters: Counters;
  readonly schemas: Map<TenantId, SchemaInForce>;
  readonly imports: Imports;
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
export async function readState(raw: RawDatabase, newest = format): Promise<State> {
  const snapshot = raw.snapshot();
  try {
    const meta = await readMeta(raw, snapshot);
    if (meta.format > newest) throw newerFormat(meta.format, newest);
    const unverified = await verifyChain(raw, snapshot, meta);
    const tenants = await readTenants(raw, snapshot);
    return {
      ...meta,
      ancestors: (await readMetaRow(raw, snapshot, "ancestors")) ?? [],
      unverified,
      tenants,
      counters: await readCounters(raw, snapshot, tenants),
      schemas: await readSchemas(raw, snapshot, tenants),
      imports: await readImports(raw, snapshot, tenants),
    };
  } finally {
    await snapshot.close();
  }
}

export function newerFormat(found: number, newest: number): UsherError {
  return new UsherError(
    "store_format_newer",
    `the store has format ${found}, and this version reads up to ${newest}: open it with the version that wrote it, or a newer one`,
  );
}

/** What every store has. */
export type StoreMeta = Pick<MetaRows, "format" | "identity" | "head" | "horizon" | "mark">;

/** @throws `store_corrupt` */
export async function readMeta(raw: RawDatabase, snapshot: RawSnapshot): Promise<StoreMeta> {
  const names = ["format", "identity", "head", "horizon", "mark"] as const;
  const keys = names.map(metaKey);
  const values = await raw.getMany(keys, snapshot);
  const entries = names.map((name, i) => {
    const [key, value] = [keys[i], values[i]];
    if (key === undefined || value === undefined) throw corrupt(`its row \`${name}\` is missing`);
    return [name, unsealJson(key, value)];
  });
  return Object.fromEntries(entries) as StoreMeta;
}

/** One of the store's own rows. @throws `store_corrupt` */
export async function readMetaRow<Name extends keyof MetaRows>(raw: RawDatabase, snapshot: RawSnapshot, name: Name): Promise<MetaRows[Name] | undefined> {
  const key = metaKey(name);
  const [value] = await raw.getMany([key], snapshot);
  return value === undefined ? undefined : (unsealJson(key, value) as MetaRows[Name]);
}

async function verifyChain(raw: RawDatabase, snapshot: RawSnapshot, { head, horizon, mark }: StoreMeta): Promise<number> {
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

async function readTenants(raw: RawDatabase, snapshot: RawSnapshot): Promise<Tenants> {
  const named = await readNamed<TenantId>(raw, snapshot, tenantPrefix);
  const details = await readNamed<TenantDetails>(raw, snapshot, detailsPrefix);
  const ended = await readNamed<number>(raw, snapshot, endedPrefix);
  const standing = [...named].map(([name, id]) => ({ quotas: {}, ...details.get(String(id)), id, name }));
  const nextKey = metaKey(nextName);
  const [next] = await raw.getMany([nextKey], snapshot);
  return new Tenants(standing, [...ended.keys()].map(Number), next === undefined ? 1 : (unsealJson(nextKey, next) as TenantId));
}

/** The store's own rows whose names begin with the prefix, under what follows it. */
async function readNamed<Value>(raw: RawDatabase, snapshot: RawSnapshot, prefix: string): Promise<Map<string, Value>> {
  const rows = new Map<string, Value>();
  for await (const [key, value] of entries(raw, snapshot, metaRange(prefix))) rows.set(metaName(key).slice(prefix.length), unsealJson(key, value) as Value);
  return rows;
}

/** Of tenants that stand: rows of others wait to be purged. */
async function readCounters(raw: RawDatabase, snapshot: RawSnapshot, tenants: Tenants): Promise<Counters> {
  const counters: Counters = new Map();
  for await (const [key, value] of entries(raw, snapshot, allCounters)) {
    const { tenant, shape } = parseCounterKey(key);
    if (tenants.has(tenant)) setCounter(counters, tenant, shape, unsealJson(key, value) as number);
  }
  return counters;
}

/** How many tuples of a tenant stand, of all shapes. */
export function tuplesOf(counters: Counters, tenant: TenantId): number {
  let sum = 0;
  for (const { count } of counters.get(tenant)?.values() ?? []) sum += count;
  return sum;
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
async function readSchemas(raw: RawDatabase, snapshot: RawSnapshot, tenants: Tenants): Promise<Map<TenantId, SchemaInForce>> {
  const schemas = new Map<TenantId, SchemaInForce>();
  for await (const [key, value] of entries(raw, snapshot, allSchemas)) {
    const { tenant, revision } = parseSchemaKey(key);
    if (tenants.has(tenant)) schemas.set(tenant, { text: unseal(key, value).toString(), revision });
  }
  return schemas;
}

/** Numbers are given anew from above those that any row still names. */
async function readImports(raw: RawDatabase, snapshot: RawSnapshot, tenants: Tenants): Promise<Imports> {
  const records: ImportRecord[] = [];
  let next = 1;
  for await (const [key, value] of entries(raw, snapshot, allImports)) {
    next = Math.max(next, parseImportName(key).number + 1);
    if (tenants.has(parseImportName(key).tenant)) records.push(unsealJson(key, value) as ImportRecord);
  }
  for (const { number } of await stagedImports(raw, snapshot)) next = Math.max(next, number + 1);
  return new Imports(records, next);
}

/** Every import that has something staged: a step from one to the next costs a read. */
export async function stagedImports(raw: RawDatabase, snapshot: RawSnapshot): Promise<ImportName[]> {
  const found: ImportName[] = [];
  for (let gte = allStaged.gte; ; ) {
    const iterator = raw.iterate({ gte, lt: allStaged.lt, snapshot });
    const [entry] = await iterator.next(1).finally(() => iterator.close());
    if (entry === undefined) return found;
    const name = parseImportName(entry[0]);
    found.push(name);
    gte = stagedRange(name).lt;
  }
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
