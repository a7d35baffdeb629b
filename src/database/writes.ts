import { throwIfAborted } from "../base/abort.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { requestHash } from "../base/request-hash.js";
import { quote } from "../model/object.js";
import { checkFilter, isEmptyFilter } from "../model/filter.js";
import { compileSchema } from "../model/schema/compile.js";
import type { Schema } from "../model/schema/schema.js";
import { admits, checkTuple } from "../model/schema/shape.js";
import type { Enforcement } from "../model/live.js";
import type {
  Call,
  DeleteTuplesRequest,
  DeleteTuplesResponse,
  WriteSchemaRequest,
  WriteSchemaResponse,
  WriteTuplesRequest,
  WriteTuplesResponse,
} from "../model/service.js";
import type { Write, WriteOutcome } from "../storage/store.js";
import type { Core } from "./core.js";
import { checkCount, requireFields, requireList, requireText, validateFilter, validateMetadata, validateOperations, validatePreconditions, validateRequestId } from "./validate.js";

export async function writeTuples(core: Core, request: WriteTuplesRequest, call: Call): Promise<WriteTuplesResponse> {
  requireFields(request, "the request");
  const operations = validateOperations(request.operations);
  const tenant = core.tenant(call);
  const outcome = await commit(core, request, call, (schema) => {
    for (const { kind, tuple } of operations) checkTuple(schema, tuple, kind === "delete" ? "delete" : "write");
    return { operations };
  });
  if (request.validateOnly !== true) await core.recordings?.write({ zookie: core.zookie(tenant, outcome.revision), changed: outcome.changed, metadata: request.metadata, operations }, call);
  return { zookie: core.zookie(tenant, outcome.revision), changed: outcome.changed, ...(await enforcement(core, outcome, request, call)) };
}

export async function deleteTuples(core: Core, request: DeleteTuplesRequest, call: Call): Promise<DeleteTuplesResponse> {
  requireFields(request, "the request");
  const { filters, limit = limits.deletePerCallMax } = request;
  requireList(filters, "filters");
  checkCount(filters.length, limits.filtersPerRequestMax, "filters");
  if (!Number.isInteger(limit) || limit < 1 || limit > limits.deletePerCallMax) {
    throw new UsherError("invalid_request", `limit ${quote(limit)} must be 1 to ${limits.deletePerCallMax}`);
  }
  for (const filter of filters) checkFilter(filter);
  if (filters.some(isEmptyFilter)) throw new UsherError("invalid_filter", "an empty filter would delete everything: name an object type or a subject type");
  const tenant = core.tenant(call);
  const outcome = await commit(core, request, call, (schema) => {
    for (const filter of filters) validateFilter(filter, schema);
    return { operations: [], erase: { filters, limit } };
  });
  if (request.validateOnly !== true) await core.recordings?.write({ zookie: core.zookie(tenant, outcome.revision), changed: outcome.changed, metadata: request.metadata, filters }, call);
  return { zookie: core.zookie(tenant, outcome.revision), deleted: outcome.changed, more: outcome.more, ...(await enforcement(core, outcome, request, call)) };
}

export async function writeSchema(core: Core, request: WriteSchemaRequest, call: Call): Promise<WriteSchemaResponse> {
  throwIfAborted(call.signal);
  requireFields(request, "the request");
  requireText(request.text, "text");
  validateWait(request.awaitEnforcementMs);
  const schema = compileSchema(request.text);
  const tenant = core.tenant(call);
  const outcome = await core.store.commit({
    tenant,
    principal: call.principal ?? "",
    preconditions: [],
    operations: [],
    schema: { text: request.text, admits: (shape) => admits(schema, shape) },
    metadata: validateMetadata(request.metadata ?? {}),
    validateOnly: request.validateOnly ?? false,
  });
  if (outcome.changed > 0 && request.validateOnly !== true) await core.recordings?.schema({ zookie: core.zookie(tenant, outcome.revision), text: request.text, metadata: request.metadata ?? {} }, call);
  return { zookie: core.zookie(tenant, outcome.revision), changed: outcome.changed > 0, ...(await enforcement(core, outcome, request, call)) };
}

type Waiting = Pick<WriteSchemaRequest, "awaitEnforcementMs" | "validateOnly">;

/**
 * Commits what `validate` makes of the request under the schema in force. Should another schema be committed in
 * between, the store refuses and the request is validated again, so that no tuple slips in under a schema that forbids it.
 */
async function commit(
  core: Core,
  request: WriteTuplesRequest | DeleteTuplesRequest,
  call: Call,
  validate: (schema: Schema) => Pick<Write, "operations" | "erase">,
): Promise<WriteOutcome> {
  const { preconditions = [], requestId } = request;
  const metadata = validateMetadata(request.metadata ?? {});
  validateRequestId(requestId);
  validateWait(request.awaitEnforcementMs);
  const tenant = core.tenant(call);
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(call.signal);
    const { schema, revision } = await schemaInForce(core, call);
    validatePreconditions(preconditions, schema);
    const write: Write = {
      tenant,
      principal: call.principal ?? "",
      ...(requestId === undefined ? {} : { requestId, requestHash: requestHash({ ...request, awaitEnforcementMs: undefined }) }),
      preconditions,
      ...validate(schema),
      expectSchema: revision,
      metadata,
      validateOnly: request.validateOnly ?? false,
    };
    try {
      return await core.store.commit(write);
    } catch (error) {
      if (!(error instanceof UsherError && error.code === "schema_changed") || attempt === limits.schemaRetriesMax) throw error;
    }
  }
}

/** Where it was asked for: the commit stands, whatever comes of waiting for it to be enforced. */
async function enforcement(core: Core, { revision }: WriteOutcome, { awaitEnforcementMs, validateOnly }: Waiting, { signal }: Call): Promise<{ readonly enforcement?: Enforcement }> {
  if (awaitEnforcementMs === undefined || validateOnly === true) return {};
  return { enforcement: await core.enforced(revision, awaitEnforcementMs, signal) };
}

function validateWait(ms: number | undefined): void {
  if (ms === undefined || (Number.isInteger(ms) && ms >= 0 && ms <= limits.awaitEnforcementMsMax)) return;
  throw new UsherError("invalid_request", `awaitEnforcementMs ${quote(ms)} must be 0 to ${limits.awaitEnforcementMsMax} whole milliseconds`);
}

async function schemaInForce(core: Core, call: Call) {
  const snapshot = core.store.snapshot();
  try {
    return await core.schemas.at(snapshot, core.tenant(call));
  } finally {
    snapshot.release();
  }
}
