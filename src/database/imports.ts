import { throwIfAborted } from "../base/abort.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { quote } from "../model/object.js";
import type { Schema } from "../model/schema/schema.js";
import { checkTuple } from "../model/schema/shape.js";
import type { Call, ImportTuplesOptions, ImportTuplesRequest, ImportTuplesResponse } from "../model/service.js";
import type { TenantId } from "../model/zookie.js";
import { resolveZookie } from "../storage/resolve-zookie.js";
import type { Import, ImportOutcome, PlacedTuple } from "../storage/store.js";
import type { Core } from "./core.js";
import type { SchemaVersion } from "./schemas.js";
import { checkCount, validateMetadata, validateRequestId, validateTuple } from "./validate.js";

/** Reads the stream to its end, then commits; whatever ends it before leaves nothing. */
export async function importTuples(core: Core, messages: AsyncIterable<ImportTuplesRequest>, call: Call): Promise<ImportTuplesResponse> {
  const tenant = core.tenant(call);
  const iterator = messages[Symbol.asyncIterator]();
  try {
    const options = await readOptions(iterator);
    const earlier = options.importId === undefined ? undefined : await core.store.importOutcome(tenant, call.principal ?? "", options.importId, call.signal);
    const outcome = earlier ?? (await stage(core, tenant, options, iterator, call));
    core.requireTenant(tenant);
    const response = responseOf(core, tenant, outcome);
    await core.recordings?.write({ zookie: response.zookie, changed: response.changed, metadata: options.metadata, importId: options.importId ?? "" }, call);
    return response;
  } finally {
    await iterator.return?.();
  }
}

async function readOptions(iterator: AsyncIterator<ImportTuplesRequest>): Promise<ImportTuplesOptions> {
  const first = await iterator.next();
  const begin = first.done === true ? undefined : first.value;
  if (begin?.kind !== "begin") throw new UsherError("invalid_request", "the stream does not begin with how to import: send `begin` first");
  validateRequestId(begin.importId);
  validateMetadata(begin.metadata ?? {});
  return begin;
}

async function stage(core: Core, tenant: TenantId, options: ImportTuplesOptions, iterator: AsyncIterator<ImportTuplesRequest>, call: Call): Promise<ImportOutcome> {
  const { importId, metadata = {}, skipProblems = false } = options;
  const { schema, revision } = await schemaOf(core, tenant, options);
  const session = await core.store.beginImport({
    tenant,
    principal: call.principal ?? "",
    ...(importId === undefined ? {} : { id: importId }),
    expectSchema: revision,
    metadata,
    skipDuplicates: skipProblems,
  });
  try {
    const batches = new Batches(session, schema, skipProblems);
    for (let message = await iterator.next(); message.done !== true; message = await iterator.next()) {
      throwIfAborted(call.signal);
      await batches.add(message.value);
    }
    throwIfAborted(call.signal);
    return await session.finish(call.signal);
  } finally {
    await session.abort();
  }
}

async function schemaOf(core: Core, tenant: TenantId, { schemaZookie }: ImportTuplesOptions): Promise<SchemaVersion> {
  const snapshot = core.store.snapshot();
  try {
    const inForce = await core.schemas.at(snapshot, tenant);
    if (schemaZookie !== undefined && resolveZookie(core.store, tenant, schemaZookie) !== inForce.revision) {
      throw new UsherError("schema_changed", `schema ${quote(schemaZookie)} is not the one in force: read the schema, and prepare the import for that`);
    }
    return inForce;
  } finally {
    snapshot.release();
  }
}

/** Holds each tuple against the schema on its way into staging. */
class Batches {
  readonly #session: Import;
  readonly #schema: Schema;
  readonly #skip: boolean;
  #count = 0;

  constructor(session: Import, schema: Schema, skip: boolean) {
    this.#session = session;
    this.#schema = schema;
    this.#skip = skip;
  }

  /** @throws `invalid_request`, `request_too_large`, and what is wrong with a tuple, `details.position` saying with which */
  async add(message: ImportTuplesRequest): Promise<void> {
    if (message.kind !== "tuples") throw new UsherError("invalid_request", "the stream says twice how to import: send `begin` first and once");
    const { tuples, positions } = message;
    checkCount(tuples.length, limits.importBatchTuplesMax, "tuples");
    if (positions !== undefined && (positions.length !== tuples.length || !positions.every(isPosition))) {
      throw new UsherError("invalid_request", `\`positions\` must be as many as the tuples, ${tuples.length}, and whole numbers up to ${positionMax}`);
    }
    const placed: PlacedTuple[] = [];
    for (const [at, tuple] of tuples.entries()) {
      const position = positions?.[at] ?? this.#count + 1;
      this.#count++;
      if (this.#admits({ tuple, position })) placed.push({ tuple, position });
    }
    if (placed.length > 0) await this.#session.append(placed);
  }

  #admits({ tuple, position }: PlacedTuple): boolean {
    try {
      checkTuple(this.#schema, validateTuple(tuple), "write");
      return true;
    } catch (error) {
      if (!(error instanceof UsherError)) throw error;
      if (!this.#skip) throw new UsherError(error.code, `the tuple at ${position}: ${error.message}`, { details: { ...error.details, position: String(position) }, cause: error });
      this.#session.skip({ position, code: error.code, message: error.message });
      return false;
    }
  }
}

const positionMax = 0xffff_ffff;

function isPosition(position: number): boolean {
  return Number.isInteger(position) && position >= 0 && position <= positionMax;
}

function responseOf(core: Core, tenant: TenantId, { revision, tuples, changed, chunks, skipped, problems }: ImportOutcome): ImportTuplesResponse {
  return { zookie: core.zookie(tenant, revision), imported: tuples, changed, chunks, skipped, problems };
}
