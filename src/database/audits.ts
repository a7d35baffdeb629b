import { throwIfEnded } from "../base/abort.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { auditKinds } from "../model/audit.js";
import type { Instant } from "../base/clock.js";
import type {
  AuditEntry, AuditFilter, AuditRecord, GetCheckpointRequest, GetCheckpointResponse, ProveDecisionRequest, ProveDecisionResponse, QueryDecisionsRequest,
  QueryDecisionsResponse, RedactDecisionsRequest, RedactDecisionsResponse, TailDecisionsRequest, TailEvent,
} from "../model/audit.js";
import { quote } from "../model/object.js";
import type { Call } from "../model/service.js";
import type { AuditLog } from "./audit-log.js";
import type { Core } from "./core.js";
import { attributionOfReader } from "./recordings.js";
import { checkCount, requireFields, requireList, requireText } from "./validate.js";

/** What whoever asks for the decision log is told where there is none. */
export function auditOff(): UsherError {
  return new UsherError("audit_off", "no decision log is kept: start the server with `--audit buffer` or `--audit block`");
}

/** @throws `audit_off`, `tenant_unknown` */
export function logFor(core: Core, log: AuditLog | undefined, call: Call): AuditLog {
  throwIfEnded(call);
  if (log === undefined) throw auditOff();
  if (call.tenant !== undefined) core.tenant(call);
  return log;
}

/** Records go by the name of their tenant. One that was made anew under an old name sees nothing of its predecessor's. */
function sinceOf(core: Core, { tenant }: Call): Instant {
  const createdAt = tenant === undefined ? undefined : core.store.listTenants().find(({ name }) => name === tenant)?.createdAt;
  return createdAt ?? -limits.instantMsMax;
}

/** The filter, from when on the call's tenant has been. */
export function within(core: Core, filter: AuditFilter, call: Call): AuditFilter {
  const since = sinceOf(core, call);
  return since > (filter.from ?? -limits.instantMsMax) ? { ...filter, from: since } : filter;
}

/** @throws `record_unknown` for a record of the tenant's predecessor */
export function requireWithin(core: Core, records: readonly AuditRecord[], call: Call): void {
  const since = sinceOf(core, call);
  for (const { index, payload } of records) {
    if (payload !== undefined && (JSON.parse(payload) as AuditEntry).at < since) throw new UsherError("record_unknown", `the tenant has no record ${index}`);
  }
}

export async function queryDecisions(core: Core, kept: AuditLog | undefined, request: QueryDecisionsRequest, call: Call): Promise<QueryDecisionsResponse> {
  const log = logFor(core, kept, call);
  requireFields(request, "the request");
  const { filter, pageSize = limits.auditPageRecordsDefault, cursor, oldestFirst = false } = request;
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > limits.auditPageRecordsMax) {
    throw new UsherError("invalid_request", `page size ${quote(pageSize)} must be 1 to ${limits.auditPageRecordsMax}`);
  }
  if (cursor !== undefined) requireText(cursor, "cursor");
  const asked = { filter: within(core, validateAuditFilter(filter), call), pageSize, oldestFirst, ...(cursor === undefined ? {} : { cursor }) };
  const page = await log.query(asked, call.tenant, call.signal, call.principal);
  // Further pages are of the query that is on record: their cursor is bound to it, and to who asked.
  if (cursor === undefined) core.recordings?.query({ query: asked.filter }, call);
  return page;
}

export async function* tailDecisions(core: Core, kept: AuditLog | undefined, request: TailDecisionsRequest, call: Call): AsyncGenerator<TailEvent, void> {
  const log = logFor(core, kept, call);
  requireFields(request, "the request");
  const { filter, fromIndex, follow = false } = request;
  if (fromIndex !== undefined) requireIndex(fromIndex);
  const asked = { filter: within(core, validateAuditFilter(filter), call), follow, ...(fromIndex === undefined ? {} : { fromIndex }) };
  core.recordings?.query({ tail: asked }, call);
  yield* log.tail(asked, call.tenant, call.signal);
}

export async function getCheckpoint(core: Core, kept: AuditLog | undefined, request: GetCheckpointRequest, call: Call): Promise<GetCheckpointResponse> {
  const log = logFor(core, kept, call);
  requireFields(request, "the request");
  const { fromSize } = request;
  if (fromSize !== undefined) requireIndex(fromSize);
  return log.checkpoint(fromSize);
}

export async function proveDecision(core: Core, kept: AuditLog | undefined, request: ProveDecisionRequest, call: Call): Promise<ProveDecisionResponse> {
  const log = logFor(core, kept, call);
  requireFields(request, "the request");
  const { index, size } = request;
  requireIndex(index);
  if (size !== undefined) requireIndex(size);
  const proof = await log.prove({ index, ...(size !== undefined && { size }) }, call.tenant);
  requireWithin(core, [proof.record], call);
  core.recordings?.query({ prove: index }, call);
  return proof;
}

export async function redactDecisions(core: Core, kept: AuditLog | undefined, request: RedactDecisionsRequest, call: Call): Promise<RedactDecisionsResponse> {
  const log = logFor(core, kept, call);
  requireFields(request, "the request");
  const { indexes, reason } = request;
  requireIndexes(indexes, limits.redactPerCallMax);
  requireText(reason, "reason");
  if (reason === "" || Buffer.byteLength(reason) > limits.metadataBytesMax) {
    throw new UsherError("invalid_request", `the reason has ${Buffer.byteLength(reason)} bytes: say in 1 to ${limits.metadataBytesMax} why it is erased`);
  }
  if (call.tenant !== undefined) requireWithin(core, await log.records([...new Set(indexes)], call.tenant), call);
  return { redacted: await log.redact([...new Set(indexes)], reason, call.tenant, attributionOfReader(call, core.store.clock.now())) };
}

export function requireIndexes(indexes: readonly number[], max: number): void {
  requireList(indexes, "indexes");
  checkCount(indexes.length, max, "indexes");
  for (const index of indexes) requireIndex(index);
}

function requireIndex(index: number): number {
  if (Number.isSafeInteger(index) && index >= 0) return index;
  throw new UsherError("invalid_request", `index ${quote(index)} is none: records are counted from 0`);
}

const texts = ["object", "permission", "subject", "principal", "actor", "session", "request", "zookie"] as const;
const answers: readonly unknown[] = ["allowed", "denied", "conditional", "undecided"];

/** A copy, of known fields alone. @throws `invalid_request`: a misspelt filter must not look like an empty answer */
function validateAuditFilter(filter: AuditFilter): AuditFilter {
  requireFields(filter, "the filter");
  const copy: Record<string, unknown> = {};
  for (const name of texts) {
    const text = filter[name];
    if (text === undefined) continue;
    requireText(text, name);
    if (Buffer.byteLength(text) > limits.auditFilterTextBytesMax) throw new UsherError("invalid_request", `\`${name}\` has ${Buffer.byteLength(text)} bytes: no record has more than ${limits.auditFilterTextBytesMax} there`);
    if (text === "") throw new UsherError("invalid_request", `\`${name}\` is empty: leave it out, or name one`);
    copy[name] = text;
  }
  const { kinds, answer, from, to } = filter;
  if (kinds !== undefined) {
    requireList(kinds, "kinds");
    const unknown = kinds.find((kind) => !auditKinds.includes(kind));
    if (unknown !== undefined) throw new UsherError("invalid_request", `kind ${quote(unknown)} is none: the kinds are ${auditKinds.map(quote).join(", ")}`);
    copy.kinds = [...new Set(kinds)];
  }
  if (answer !== undefined) {
    if (!answers.includes(answer)) throw new UsherError("invalid_request", `answer ${quote(answer)} is none: the answers are ${answers.map(quote).join(", ")}`);
    copy.answer = answer;
  }
  for (const [name, instant] of Object.entries({ from, to })) {
    if (instant === undefined) continue;
    if (!Number.isSafeInteger(instant) || Math.abs(instant) > limits.instantMsMax) throw new UsherError("invalid_request", `\`${name}\` is ${quote(instant)}: pass an instant in whole milliseconds`);
    copy[name] = instant;
  }
  return copy;
}
