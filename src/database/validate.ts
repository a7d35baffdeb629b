import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Question } from "../evaluation/evaluate.js";
import { checkContext } from "../model/context.js";
import { checkFilter, isEmptyFilter, type TupleFilter } from "../model/filter.js";
import { checkId, checkName, checkType, object, quote, type ObjectRef } from "../model/object.js";
import { checkTuple } from "../model/schema/shape.js";
import type { Schema } from "../model/schema/schema.js";
import type { Metadata, Operation, Precondition } from "../model/service.js";
import { isWildcard, subject, type SubjectRef } from "../model/subject.js";
import { tupleIdentity, type Tuple, type TupleCondition } from "../model/tuple.js";

/**
 * The boundary of the database: whatever a caller passed is checked here, once, before it reaches a key or a walk.
 * The first part needs no schema, the second holds the request against one.
 */

/** The tuple as it was checked: a copy, since what the caller does to its own objects later must reach neither key nor walk. */
export function validateTuple(tuple: Tuple): Tuple {
  requireFields(tuple, "a tuple");
  const { relation, condition, expiresAt } = tuple;
  if (expiresAt !== undefined && !(Number.isSafeInteger(expiresAt) && Math.abs(expiresAt) <= limits.instantMsMax)) {
    throw new UsherError("invalid_tuple", `expiration ${quote(expiresAt)} is not an instant in whole milliseconds`);
  }
  return {
    object: validateObject(tuple.object),
    relation: checkName(relation, "relation"),
    subject: validateSubject(tuple.subject),
    ...(condition === undefined ? {} : { condition: validateCondition(condition) }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

export function validateObject(ref: ObjectRef): ObjectRef {
  requireFields(ref, "an object");
  return object(ref.type, ref.id);
}

export function validateSubject(ref: SubjectRef): SubjectRef {
  requireFields(ref, "a subject");
  return subject(ref.type, ref.id, ref.relation);
}

function validateCondition(condition: TupleCondition): TupleCondition {
  requireFields(condition, "a tuple's condition");
  const name = checkType(condition.name, "condition");
  return { name, context: checkContext(condition.context, `the context of condition ${quote(name)}`) };
}

export function validateOperations(operations: readonly Operation[]): Operation[] {
  requireList(operations, "operations");
  checkCount(operations.length, limits.operationsPerWriteMax, "operations");
  const seen = new Set<string>();
  return operations.map((operation) => {
    requireFields(operation, "an operation");
    const { kind } = operation;
    checkKind(kind, operationKinds, "an operation");
    const tuple = validateTuple(operation.tuple);
    if (kind === "delete" && (tuple.condition !== undefined || tuple.expiresAt !== undefined)) {
      throw new UsherError("invalid_tuple", `a delete of ${quote(tupleIdentity(tuple))} names a condition or an expiration: leave them out`);
    }
    const identity = tupleIdentity(tuple);
    if (seen.has(identity)) throw new UsherError("duplicate_operation", `tuple ${quote(identity)} is written twice in one request: send one operation for it`, { details: { tuple: identity } });
    seen.add(identity);
    return { kind, tuple };
  });
}

/** A program in JavaScript may pass anything. */
export function requireFields(value: unknown, what: string): void {
  if (typeof value !== "object" || value === null) throw new UsherError("invalid_request", `${what} is ${quote(value)}: pass an object with its fields`);
}

export function requireList(value: unknown, what: string): void {
  if (!Array.isArray(value)) throw new UsherError("invalid_request", `\`${what}\` is ${quote(value)}: pass a list`);
}

export function requireText(value: unknown, what: string): void {
  if (typeof value !== "string") throw new UsherError("invalid_request", `\`${what}\` is ${quote(value)}: pass text`);
}

export function validateMetadata(metadata: Metadata): Metadata {
  requireFields(metadata, "metadata");
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
  requireText(requestId, "requestId");
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
  requireList(preconditions, "preconditions");
  if (preconditions.length > limits.preconditionsPerWriteMax) {
    throw new UsherError("request_too_large", `the request has ${preconditions.length} preconditions: at most ${limits.preconditionsPerWriteMax} are taken`);
  }
  for (const precondition of preconditions) {
    requireFields(precondition, "a precondition");
    const { kind, filter } = precondition;
    checkKind(kind, preconditionKinds, "a precondition");
    checkFilter(filter);
    if (isEmptyFilter(filter)) throw new UsherError("invalid_filter", "a precondition has an empty filter: name an object type or a subject type");
    validateFilter(filter, schema);
  }
}

/** What a check asks, held against the schema: a copy of what was checked. @throws `unknown_type`, `unknown_relation`, `invalid_request`… */
export function validateQuestion(question: Question, schema: Schema): Question {
  requireFields(question, "a check");
  const { permission, context, contextualTuples, explain = false } = question;
  const about = copyOfObject(question.object);
  const who = copyOfSubject(question.subject);
  if (!hasMember(schema, about.type, permission) || !(who.relation === "" ? schema.definitions.has(who.type) : hasMember(schema, who.type, who.relation))) {
    // Names that the schema has are well written; where it has one not, this says why.
    validateObject(about);
    validateAsked(who);
    checkName(permission, "permission");
    memberOf(schema, about.type, permission);
    memberOf(schema, who.type, who.relation);
  }
  checkId(about.id);
  refuseWildcard(who);
  checkId(who.id);
  if (context === undefined && contextualTuples === undefined) return { object: about, permission, subject: who, explain };
  return {
    object: about,
    permission,
    subject: who,
    explain,
    ...(context === undefined ? {} : { context: checkContext(context, "the request context") }),
    ...(contextualTuples === undefined ? {} : { contextualTuples: validateContextual(contextualTuples, schema) }),
  };
}

/** Each field is read once: what is checked is what is used. */
function copyOfObject(ref: ObjectRef): ObjectRef {
  requireFields(ref, "an object");
  const { type, id } = ref;
  return { type, id };
}

function copyOfSubject(ref: SubjectRef): SubjectRef {
  requireFields(ref, "a subject");
  const { type, id, relation = "" } = ref as Partial<SubjectRef> & ObjectRef;
  return { type, id, relation };
}

function hasMember(schema: Schema, type: string, member: string): boolean {
  return schema.definitions.get(type)?.members.has(member) === true;
}

/** One subject that is asked about: an object or a userset. */
export function validateAsked(ref: SubjectRef): SubjectRef {
  const who = validateSubject(ref);
  refuseWildcard(who);
  return who;
}

function refuseWildcard(who: SubjectRef): void {
  if (isWildcard(who)) throw new UsherError("invalid_request", `subject ${quote(`${who.type}:*`)} is a wildcard: a check asks about one subject`);
}

export function validatePageSize(size: number): number {
  if (Number.isInteger(size) && size >= 1 && size <= limits.pageTuplesMax) return size;
  throw new UsherError("invalid_request", `page size ${quote(size)} must be 1 to ${limits.pageTuplesMax}`);
}

export function validateContextual(tuples: readonly Tuple[], schema: Schema): Tuple[] {
  requireList(tuples, "contextualTuples");
  if (tuples.length > limits.contextualTuplesMax) {
    throw new UsherError("request_too_large", `the check has ${tuples.length} contextual tuples: at most ${limits.contextualTuplesMax} are taken`);
  }
  const seen = new Set<string>();
  return tuples.map((given) => {
    const tuple = validateTuple(given);
    checkTuple(schema, tuple, "write");
    const identity = tupleIdentity(tuple);
    if (seen.has(identity)) throw new UsherError("duplicate_operation", `contextual tuple ${quote(identity)} is given twice`, { details: { tuple: identity } });
    seen.add(identity);
    return tuple;
  });
}

/** @throws `unknown_type`, `unknown_relation` */
export function memberOf(schema: Schema, type: string, member: string | undefined): void {
  const definition = schema.definitions.get(checkType(type));
  if (definition === undefined) throw new UsherError("unknown_type", `the schema has no type ${quote(type)}`, { details: { type } });
  if (member !== undefined && member !== "" && !definition.members.has(member)) {
    throw new UsherError("unknown_relation", `type ${quote(type)} has no relation or permission ${quote(member)}`, { details: { type, relation: member } });
  }
}
