import { UsherError } from "../../base/errors.js";
import type { TupleFilter } from "../../model/filter.js";
import { matches } from "../../model/filter.js";
import type { StoredTuple } from "../../model/tuple.js";
import type { Revision, TenantId } from "../../model/zookie.js";
import type { TupleKey } from "../store.js";
import type { Pin } from "./handle.js";
import { headKey, headRange, type KeyRange, parseIdentity, pastKey, pastRange, type Side, splitPastKey } from "./keys.js";
import { planOf } from "./plan.js";
import type { RawIterator, RawRange } from "./raw.js";
import { decodeRow, type Row } from "./row.js";

export interface Scan {
  readonly tenant: TenantId;
  readonly filter: TupleFilter;
  /** Reads as of here: at the pin's own revision the head rows alone, before it those that had ended since, too. */
  readonly revision: Revision;
  readonly after?: TupleKey;
  /** Tuples wanted. */
  readonly limit: number;
  /** Rows that may be read for them. */
  readonly rowsMax: number;
}

export interface ScanPage {
  readonly tuples: StoredTuple[];
  /** How many rows were read. */
  readonly rows: number;
  /** Where to go on; absent at the end. */
  readonly next?: TupleKey;
}

/** Rows a call into LevelDB brings at most: with it a list of 100 is one call, and a long one keeps the loop free. */
const chunkRowsMax = 256;

/** One page of the tuples that match, in the order of the filter's plan. @throws `store_corrupt`, what LevelDB throws */
export async function scan(pin: Pin, { tenant, filter, revision, after, limit, rowsMax }: Scan): Promise<ScanPage> {
  const { side, prefix } = planOf(filter);
  const chunk = Math.min(limit + 1, chunkRowsMax, rowsMax);
  const heads = new Rows(pin, side, chunk, from(headRange(side, tenant, prefix), after && headKey(side, tenant, after)));
  const pasts =
    revision < pin.revision
      ? new Rows(pin, side, chunk, from(pastRange(side, tenant, prefix), after && pastKey(side, tenant, after, Number.MAX_SAFE_INTEGER)), true)
      : undefined;
  try {
    return await merge(heads, pasts, { filter, revision, limit, rowsMax });
  } finally {
    await Promise.all([heads.close(), pasts?.close()]);
  }
}

/**
 * Both streams in one order. Of one identity the versions do not overlap in time, so that at most one
 * of its rows stood at the revision: two would make the answer depend on which came first.
 */
async function merge(heads: Rows, pasts: Rows | undefined, { filter, revision, limit, rowsMax }: Pick<Scan, "filter" | "revision" | "limit" | "rowsMax">): Promise<ScanPage> {
  const tuples: StoredTuple[] = [];
  let found: Buffer | undefined;
  let last: RowAt | undefined;
  for (let rows = 0; ; rows++) {
    const head = await heads.peek();
    const past = await pasts?.peek();
    const pastFirst = past !== undefined && (head === undefined || compareIdentity(past, head) < 0);
    const row = pastFirst ? past : head;
    if (row === undefined) return { tuples, rows };
    // A page ends between two identities: a page that goes on after one must have seen all of its versions.
    const sameAsLast = last !== undefined && compareIdentity(row, last) === 0;
    if ((tuples.length >= limit || rows >= rowsMax) && last !== undefined && !sameAsLast) return { tuples, rows, next: last.identity };
    if (pastFirst) pasts?.skip();
    else heads.skip();
    last = row;
    if (!stoodAt(row.row, revision) || !matches(filter, row.row.tuple)) continue;
    if (found?.equals(row.key.subarray(1, row.identityEnd))) throw twoVersions(row.key);
    found = row.key.subarray(1, row.identityEnd);
    tuples.push(row.row.tuple);
  }
}

export function stoodAt(row: Row, revision: Revision): boolean {
  return row.tuple.since <= revision && (row.until === undefined || revision < row.until);
}

function twoVersions(key: Buffer): UsherError {
  return new UsherError("store_corrupt", `row ${key.toString("hex").slice(0, 80)} stands twice at one revision: restore the store from a backup`);
}

function compareIdentity(a: RowAt, b: RowAt): number {
  return a.key.compare(b.key, 1, b.identityEnd, 1, a.identityEnd);
}

function from(range: KeyRange, after: Buffer | undefined): { gt?: Buffer; gte?: Buffer; lt: Buffer } {
  return after !== undefined && after.compare(range.gte) >= 0 ? { gt: after, lt: range.lt } : range;
}

interface RowAt {
  readonly key: Buffer;
  readonly identityEnd: number;
  readonly identity: TupleKey;
  readonly row: Row;
}

/** The rows of one keyspace in order, read in chunks, decoded and verified one by one. */
class Rows {
  #iterator: RawIterator;
  #side: Side;
  #past: boolean;
  #chunk: number;
  #entries: [Buffer, Buffer][] = [];
  #at = 0;
  #ended = false;
  #peeked: RowAt | undefined;

  constructor(pin: Pin, side: Side, chunk: number, range: { gt?: Buffer; gte?: Buffer; lt: Buffer }, past = false) {
    this.#iterator = pin.handle.raw.iterate({ ...range, snapshot: pin.snapshot });
    this.#side = side;
    this.#chunk = chunk;
    this.#past = past;
  }

  /** The row that is next; undefined at the end. */
  async peek(): Promise<RowAt | undefined> {
    if (this.#peeked === undefined) {
      if (this.#at === this.#entries.length && !this.#ended) await this.#load();
      const entry = this.#entries[this.#at];
      if (entry !== undefined) this.#peeked = this.#decode(...entry);
    }
    return this.#peeked;
  }

  skip(): void {
    this.#peeked = undefined;
    this.#at++;
  }

  close(): Promise<void> {
    return this.#iterator.close();
  }

  async #load(): Promise<void> {
    this.#entries = await this.#iterator.next(this.#chunk);
    this.#ended = this.#entries.length === 0;
    this.#at = 0;
    this.#chunk = chunkRowsMax;
  }

  #decode(key: Buffer, value: Buffer): RowAt {
    const identityEnd = this.#past ? splitPastKey(key).identityEnd : key.length;
    const identity = parseIdentity(this.#side, key, identityEnd);
    return { key, identityEnd, identity, row: decodeRow(key, value, identity) };
  }
}

/**
 * The version of one tuple that stood at the revision, where its head row did not: the newest that
 * began no later, if it had not ended by then.
 */
export async function findPast(pin: Pin, tenant: TenantId, key: TupleKey, revision: Revision): Promise<StoredTuple | undefined> {
  const lte = pastKey("object", tenant, key, revision);
  const gte = pastKey("object", tenant, key, 0);
  const entry = await first(pin, { gte, lte, reverse: true, snapshot: pin.snapshot });
  if (entry === undefined) return undefined;
  const row = decodeRow(entry[0], entry[1], key);
  return stoodAt(row, revision) ? row.tuple : undefined;
}

/** The first entry of a range. */
export async function first(pin: Pin, range: RawRange): Promise<[Buffer, Buffer] | undefined> {
  const iterator = pin.handle.raw.iterate(range);
  try {
    return (await iterator.next(1))[0];
  } finally {
    await iterator.close();
  }
}
