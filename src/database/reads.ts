import { throwIfAborted } from "../base/abort.js";
import { limits } from "../base/limits.js";
import { checkFilter, type TupleFilter } from "../model/filter.js";
import type { Call, Consistency, ReadSchemaRequest, ReadSchemaResponse, ReadTuplesRequest, ReadTuplesResponse } from "../model/service.js";
import { formatTuple, isExpired, type Tuple } from "../model/tuple.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot, TupleKey } from "../storage/store.js";
import type { Core } from "./core.js";
import { decodeCursor, encodeCursor } from "./cursor.js";
import { pinned } from "./pinned.js";
import { requireFields, validateFilter, validatePageSize } from "./validate.js";

export async function readTuples(core: Core, request: ReadTuplesRequest, call: Call): Promise<ReadTuplesResponse> {
  requireFields(request, "the request");
  const { filter, pageSize = limits.pageTuplesDefault } = request;
  validatePageSize(pageSize);
  checkFilter(filter);
  const cursor = request.cursor === undefined ? undefined : decodeCursor(request.cursor, filter);
  return pinned(cursor, request.consistency, (consistency) => readPage(core, filter, consistency, pageSize, cursor?.after, call));
}

async function readPage(core: Core, filter: TupleFilter, consistency: Consistency | undefined, size: number, start: TupleKey | undefined, call: Call): Promise<ReadTuplesResponse> {
  const tenant = core.tenant(call);
  const snapshot = await core.snapshotOf(tenant, consistency);
  try {
    const { schema } = await core.schemas.at(snapshot, tenant);
    validateFilter(filter, schema);
    const zookie = core.zookie(tenant, snapshot.revision);
    const { tuples, next } = await page(core, snapshot, tenant, filter, size, start, call);
    core.requireTenant(tenant);
    return { zookie, tuples, ...(next === undefined ? {} : { cursor: encodeCursor({ zookie, after: next }, filter) }) };
  } finally {
    snapshot.release();
  }
}

/**
 * Lists until the page is full, in tuples or in bytes, or nothing more matches; what has expired is passed over. It asks the
 * store for no more than it has room for, so the last tuple listed is where the next page begins.
 */
async function page(core: Core, snapshot: Snapshot, tenant: TenantId, filter: TupleFilter, size: number, start: TupleKey | undefined, call: Call) {
  const now = Math.max(core.store.clock.now(), snapshot.instant);
  const tuples: Tuple[] = [];
  let bytes = 0;
  let after = start;
  do {
    throwIfAborted(call.signal);
    const query = { filter, limit: Math.min(size - tuples.length, limits.pageStepTuplesMax), ...(after === undefined ? {} : { after }) };
    const listed = await snapshot.list(tenant, query, call.signal);
    for (const { since: _, ...tuple } of listed.tuples) {
      if (isExpired(tuple, now)) continue;
      tuples.push(tuple);
      bytes += Buffer.byteLength(formatTuple(tuple));
    }
    after = listed.next;
  } while (after !== undefined && tuples.length < size && bytes < limits.pageBytesMax);
  return { tuples, next: after };
}

export async function readSchema(core: Core, request: ReadSchemaRequest, call: Call): Promise<ReadSchemaResponse> {
  requireFields(request, "the request");
  const tenant = core.tenant(call);
  const snapshot = await core.snapshotOf(tenant, request.consistency);
  try {
    const { schema, revision } = await core.schemas.at(snapshot, tenant);
    return { text: schema.text, zookie: core.zookie(tenant, revision) };
  } finally {
    snapshot.release();
  }
}
