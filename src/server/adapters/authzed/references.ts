import { UsherError } from "../../../base/errors.js";
import { checkFilter, isEmptyFilter, type TupleFilter } from "../../../model/filter.js";
import { checkName, checkType, object, quote, type ObjectRef } from "../../../model/object.js";
import { subject, wildcardId, type SubjectRef } from "../../../model/subject.js";
import type { Tuple, TupleCondition } from "../../../model/tuple.js";
import { compact, required, within } from "../../../model/wire/field.js";
import { contextFromStruct, contextToStruct, type StructMessage } from "../../../model/wire/struct.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "../../../model/wire/timestamp.js";
import { reasoned } from "./reasons.js";

export interface ObjectMessage {
  readonly objectType: string;
  readonly objectId: string;
}

export interface SubjectMessage {
  readonly object?: ObjectMessage | null;
  readonly optionalRelation: string;
}

export interface CaveatMessage {
  readonly caveatName: string;
  readonly context?: StructMessage | null;
}

export interface RelationshipMessage {
  readonly resource?: ObjectMessage | null;
  readonly relation: string;
  readonly subject?: SubjectMessage | null;
  readonly optionalCaveat?: CaveatMessage | null;
  readonly optionalExpiresAt?: TimestampMessage | null;
}

export interface FilterMessage {
  readonly resourceType: string;
  readonly optionalResourceId: string;
  readonly optionalResourceIdPrefix: string;
  readonly optionalRelation: string;
  readonly optionalSubjectFilter?: SubjectFilterMessage | null;
}

interface SubjectFilterMessage {
  readonly subjectType: string;
  readonly optionalSubjectId: string;
  readonly optionalRelation?: { readonly relation: string } | null;
}

/** How SpiceDB writes that a subject is an object and no userset. */
const ellipsis = "...";

/** @throws `invalid_request`, `invalid_name`, `invalid_id` */
export function readObject(message: ObjectMessage | null | undefined, field: string): ObjectRef {
  const { objectType, objectId } = required(message, field);
  return object(objectType, objectId);
}

/** @throws `invalid_request`, `invalid_name`, `invalid_id` */
export function readSubject(message: SubjectMessage | null | undefined, field: string): SubjectRef {
  const { object: about, optionalRelation } = required(message, field);
  const { objectType, objectId } = required(about, `${field}.object`);
  return subject(objectType, objectId, readSubjectRelation(optionalRelation));
}

/** Who is asked about: somebody, and not everybody. @throws as `readSubject` */
export function readAsked(message: SubjectMessage | null | undefined): SubjectRef {
  const asked = readSubject(message, "subject");
  if (asked.id === wildcardId) throw wildcardAsked(asked);
  return asked;
}

export function wildcardAsked({ type }: SubjectRef): UsherError {
  return reasoned("invalid_request", "ERROR_REASON_WILDCARD_NOT_ALLOWED", `nobody is ${quote(`${type}:*`)}: ask about a subject`, { field: "subject.object_id" });
}

export function readSubjectRelation(relation: string): string {
  return relation === ellipsis ? "" : relation;
}

export function writeObject({ type, id }: ObjectRef): ObjectMessage {
  return { objectType: type, objectId: id };
}

export function writeSubject(who: SubjectRef): SubjectMessage {
  return { object: writeObject(who), optionalRelation: who.relation };
}

/** @throws `invalid_request`, `invalid_name`, `invalid_id`, `invalid_context` */
export function readRelationship(message: RelationshipMessage): Tuple {
  return {
    object: readObject(message.resource, "resource"),
    relation: checkName(message.relation, "relation"),
    subject: readSubject(message.subject, "subject"),
    ...(message.optionalCaveat && { condition: readCaveat(message.optionalCaveat) }),
    ...(message.optionalExpiresAt && { expiresAt: timestampToInstant(message.optionalExpiresAt, "optional_expires_at") }),
  };
}

export function writeRelationship(tuple: Tuple): RelationshipMessage {
  return {
    resource: writeObject(tuple.object),
    relation: tuple.relation,
    subject: writeSubject(tuple.subject),
    ...(tuple.condition && { optionalCaveat: writeCaveat(tuple.condition) }),
    ...(tuple.expiresAt !== undefined && { optionalExpiresAt: instantToTimestamp(tuple.expiresAt) }),
  };
}

function readCaveat({ caveatName, context }: CaveatMessage): TupleCondition {
  const name = checkType(caveatName, "caveat");
  return { name, context: context ? contextFromStruct(context, `context of caveat \`${name}\``) : {} };
}

function writeCaveat({ name, context }: TupleCondition): CaveatMessage {
  return Object.keys(context).length === 0 ? { caveatName: name } : { caveatName: name, context: contextToStruct(context, `context of caveat \`${name}\``) };
}

/** Which relationships are meant, and not all of them. @throws `invalid_request`, `invalid_filter`, `invalid_name`, `invalid_id` */
export function readFilter(message: FilterMessage | null | undefined, field: string): TupleFilter {
  const { resourceType, optionalResourceId, optionalResourceIdPrefix, optionalRelation, optionalSubjectFilter } = required(message, field);
  const filter = compact<TupleFilter>({
    objectType: resourceType || undefined,
    objectId: optionalResourceId || undefined,
    objectIdPrefix: optionalResourceIdPrefix || undefined,
    relation: optionalRelation || undefined,
    ...(optionalSubjectFilter && readSubjectFilter(optionalSubjectFilter)),
  });
  return within(field, () => {
    checkFilter(filter);
    if (isEmptyFilter(filter)) throw new UsherError("invalid_filter", "the filter is empty: name a resource type or a subject type");
    return filter;
  });
}

function readSubjectFilter({ subjectType, optionalSubjectId, optionalRelation }: SubjectFilterMessage): TupleFilter {
  return compact<TupleFilter>({
    subjectType,
    subjectId: optionalSubjectId || undefined,
    subjectRelation: optionalRelation ? readSubjectRelation(optionalRelation.relation) : undefined,
  });
}
