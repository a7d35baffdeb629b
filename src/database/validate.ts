import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { checkContext, type Context } from "../model/context.js";
import { checkFilter, isEmptyFilter, type TupleFilter } from "../model/filter.js";
import { checkName, checkType, object, quote, type ObjectRef } from "../model/object.js";
import { checkTuple } from "../model/schema/shape.js";
import type { Schema } from "../model/schema/schema.js";
import type { Metadata, Operation, Precondition } from "../model/service.js";
import { isWildcard, subject, type SubjectRef } from "../model/subject.js";
import { tupleIdentity, type Tuple } from "../model/tuple.js";

/**
 * The boundary of the database: whatever a caller passed is checked here, once, before it reaches a key or a walk.
 * The first part needs no schema, the second holds the request against one.
 */

export function validateTuple(tuple: Tuple): Tuple {
  object(tuple.object.type, tuple.object.id);
  checkName(tuple.relation, "relation");
  subject(tuple.subject.type, tuple.subject.id, tuple.subject.relation);
  if (tuple.condition !== undefined) {
    checkType(tuple.condition.name, "condition");
    checkContext(tuple.condition.context, `the context of condition ${quote(tuple.condition.name)}`);
  }
  if (tuple.expiresAt !== undefined && !(Number.isSafeInteger(tuple.expiresAt) && Math.abs(tuple.expiresAt) <= limits.instantMsMax)) {
    throw new UsherError("invalid_tuple", `expiration ${quote(tuple.expiresAt)} is not an instant in whole milliseconds`);
  }
  return tuple;
}

export function validateOperations(operations: readonly Operation[]): void {
  checkCount(operations.length, limits.operationsPerWriteMax, "operations");
  const seen = new Set<string>();
  for (const { kind, tuple } of operations) {
    checkKind(kind, operationKinds, "an operation");
    validateTuple(tuple);
    if (kind === "delete" && (tuple.condition !== undefined || tuple.expiresAt !== undefined)) {
      throw new UsherError("invalid_tuple", `a delete of ${quote(tupleIdentity(tuple))} names a condition or an expiration: leave them out`);
    }
    const identity = tupleIdentity(tuple);
    if (seen.has(identity)) throw new UsherError("duplicate_operation", `tuple ${quote(identity)} is written twice in one request: send one operation for it`);
    seen.add(identity);
  }
}

export function validateMetadata(metadata: Metadata): Metadata {
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string" || !value.isWellFormed() || !key.isWellFormed()) {
      throw new UsherError("invalid_request", `metadata ${quote(key)} is not well-formed text`);
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > limits.metadataBytesMax) throw new UsherError("request_too_large", `metadata has ${bytes} bytes: at most ${limits.metadataBytesMax} are kept`);
  return metadata;
}

export function validateRequestId(requestId: string | undefined): void {
  if (requestId === undefined) return;
  const bytes = Buffer.byteLength(requestId);
  // eslint-disable-next-line no-control-regex
  if (bytes === 0 || bytes > limits.requestIdBytesMax || !requestId.isWellFormed() || /[\u0000-\u001f]/.test(requestId)) {
    throw new UsherError("invalid_request", `request id ${quote(requestId)} must be 1 to ${limits.requestIdBytesMax} bytes of text without control characters`);
  }
}

const operationKinds: readonly Operation["kind"][] = ["create", "touch", "delete"];
const preconditionKinds: readonly Precondition["kind"][] = ["mustMatch", "mustNotMatch"];

/** A kind that is none would be taken for another one, and a misspelt precondition turned into its opposite. */
function checkKind<Kind extends string>(kind: Kind, kinds: readonly Kind[], what: string): void {
  if (kinds.includes(kind)) return;
  throw new UsherError("invalid_request", `${what} is of kind ${quote(kind)}: the kinds are ${kinds.map(quote).join(", ")}`);
}

export function checkCount(count: number, max: number, what: string): void {
  if (count === 0) throw new UsherError("invalid_request", `the request has no ${what}`);
  if (count > max) throw new UsherError("request_too_large", `the request has ${count} ${what}: at most ${max} are taken at once`);
}

/** @throws `unknown_type`, `unknown_relation`: a misspelt filter must not look like an empty answer */
export function validateFilter(filter: TupleFilter, schema: Schema): void {
  checkFilter(filter);
  if (filter.objectType !== undefined) memberOf(schema, filter.objectType, filter.relation);
  if (filter.subjectType !== undefined) memberOf(schema, filter.subjectType, filter.subjectRelation);
}

export function validatePreconditions(preconditions: readonly Precondition[], schema: Schema): void {
  if (preconditions.length > limits.preconditionsPerWriteMax) {
    throw new UsherError("request_too_large", `the request has ${preconditions.length} preconditions: at most ${limits.preconditionsPerWriteMax} are taken`);
  }
  for (const { kind, filter } of preconditions) {
    checkKind(kind, preconditionKinds, "a precondition");
    if (isEmptyFilter(filter)) throw new UsherError("invalid_filter", "a precondition has an empty filter: name an object type or a subject type");
    validateFilter(filter, schema);
  }
}

/** What a check asks, held against the schema. @throws `unknown_type`, `unknown_relation`, `invalid_request`… */
export function validateQuestion(
  question: { object: ObjectRef; permission: string; subject: SubjectRef; context?: Context; contextualTuples?: readonly Tuple[] },
  schema: Schema,
): void {
  object(question.object.type, question.object.id);
  checkName(question.permission, "permission");
  subject(question.subject.type, question.subject.id, question.subject.relation);
  if (isWildcard(question.subject)) throw new UsherError("invalid_request", `subject ${quote(`${question.subject.type}:*`)} is a wildcard: a check asks about one subject`);
  if (question.context !== undefined) checkContext(question.context, "the request context");
  memberOf(schema, question.object.type, question.permission);
  memberOf(schema, question.subject.type, question.subject.relation);
  if (question.contextualTuples !== undefined) validateContextual(question.contextualTuples, schema);
}

function validateContextual(tuples: readonly Tuple[], schema: Schema): void {
  if (tuples.length > limits.contextualTuplesMax) {
    throw new UsherError("request_too_large", `the check has ${tuples.length} contextual tuples: at most ${limits.contextualTuplesMax} are taken`);
  }
  const seen = new Set<string>();
  for (const tuple of tuples) {
    checkTuple(schema, validateTuple(tuple), "write");
    const identity = tupleIdentity(tuple);
    if (seen.has(identity)) throw new UsherError("duplicate_operation", `contextual tuple ${quote(identity)} is given twice`);
    seen.add(identity);
  }
}

/** @throws `unknown_type`, `unknown_relation` */
export function memberOf(schema: Schema, type: string, member: string | undefined): void {
  const definition = schema.definitions.get(checkType(type));
  if (definition === undefined) throw new UsherError("unknown_type", `the schema has no type ${quote(type)}`);
  if (member !== undefined && member !== "" && !definition.members.has(member)) {
    throw new UsherError("unknown_relation", `type ${quote(type)} has no relation or permission ${quote(member)}`);
  }
}
