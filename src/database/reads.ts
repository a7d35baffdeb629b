import { throwIfAborted } from "../base/abort.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { quote } from "../model/object.js";
import { checkFilter } from "../model/filter.js";
import type { Call, ReadSchemaRequest, ReadSchemaResponse, ReadTuplesRequest, ReadTuplesResponse } from "../model/service.js";
import { formatTuple, isExpired, type Tuple } from "../model/tuple.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot, TupleKey } from "../storage/store.js";
import type { Core } from "./core.js";
import { decodeCursor, encodeCursor, type Cursor } from "./cursor.js";
import { requireFields, validateFilter } from "./validate.js";

export async function readTuples(core: Core, request: ReadTuplesRequest, call: Call): Promise<ReadTuplesResponse> {
  requireFields(request, "the request");
  const { filter, pageSize = limits.pageTuplesDefault } = request;
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > limits.pageTuplesMax) {
    throw new UsherError("invalid_request", `page size ${quote(pageSize)} must be 1 to ${limits.pageTuplesMax}`);
  }
  checkFilter(filter);
  const tenant = core.tenant(call);
  const cursor = request.cursor === undefined ? undefined : decodeCursor(request.cursor, filter);
  const snapshot = snapshotOf(core, tenant, request, cursor);
  try {
    const { schema } = await core.schemas.at(snapshot, tenant);
    validateFilter(filter, schema);
    const zookie = core.zookie(tenant, snapshot.revision);
    const { tuples, next } = await page(core, snapshot, tenant, request, pageSize, cursor?.after, call);
    core.requireTenant(tenant);
    return { zookie, tuples, ...(next === undefined ? {} : { cursor: encodeCursor({ zookie, after: next }, filter) }) };
  } finally {
    snapshot.release();
  }
}

/** A cursor pins the snapshot of its first page. @throws `cursor_expired` once that lies before the horizon */
function snapshotOf(core: Core, tenant: TenantId, request: ReadTuplesRequest, cursor: Cursor | undefined): Snapshot {
  if (cursor === undefined) return core.snapshot(tenant, request.consistency);
  try {
    return core.snapshot(tenant, { kind: "exact", zookie: cursor.zookie });
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    if (error.code === "zookie_expired") throw new UsherError("cursor_expired", "the cursor's snapshot lies before the horizon: start again without a cursor", { cause: error });
    if (error.code === "invalid_zookie") throw new UsherError("invalid_cursor", "the cursor is damaged: pass a cursor as a page gave it", { cause: error });
    throw error;
  }
}

/**
 * Lists until the page is full, in tuples or in bytes, or nothing more matches; what has expired is passed over. It asks the
 * store for no more than it has room for, so the last tuple listed is where the next page begins.
 */
async function page(core: Core, snapshot: Snapshot, tenant: TenantId, request: ReadTuplesRequest, size: number, start: TupleKey | undefined, call: Call) {
  const now = Math.max(core.store.clock.now(), snapshot.instant);
  const tuples: Tuple[] = [];
  let bytes = 0;
  let after = start;
  do {
    throwIfAborted(call.signal);
    const query = { filter: request.filter, limit: Math.min(size - tuples.length, limits.pageStepTuplesMax), ...(after === undefined ? {} : { after }) };
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
  const snapshot = core.snapshot(tenant, request.consistency);
  try {
    const { schema, revision } = await core.schemas.at(snapshot, tenant);
    return { text: schema.text, zookie: core.zookie(tenant, revision) };
  } finally {
    snapshot.release();
  }
}
