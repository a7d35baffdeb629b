import { checkFilter, type TupleFilter } from "../filter.js";
import { checkName, checkType, object, type ObjectRef } from "../object.js";
import { subject, type SubjectRef } from "../subject.js";
import type { Tuple, TupleCondition } from "../tuple.js";
import { compact, required } from "./field.js";
import { contextFromStruct, contextToStruct, type StructMessage } from "./struct.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";

export interface ObjectMessage {
  readonly type: string;
  readonly id: string;
}

export interface SubjectMessage extends ObjectMessage {
  readonly relation: string;
}

export interface ConditionMessage {
  readonly name: string;
  readonly context?: StructMessage | null;
}

export interface TupleMessage {
  readonly object?: ObjectMessage | null;
  readonly relation: string;
  readonly subject?: SubjectMessage | null;
  readonly condition?: ConditionMessage | null;
  readonly expiresAt?: TimestampMessage | null;
}

export type FilterMessage = { readonly [Field in keyof TupleFilter]: string | null | undefined };

/** @throws `invalid_request`, `invalid_name`, `invalid_id` */
export function readObject(message: ObjectMessage | null | undefined, field: string): ObjectRef {
  const { type, id } = required(message, field);
  return object(type, id);
}

/** @throws `invalid_request`, `invalid_name`, `invalid_id` */
export function readSubject(message: SubjectMessage | null | undefined, field: string): SubjectRef {
  const { type, id, relation } = required(message, field);
  return subject(type, id, relation);
}

export function writeTuple(tuple: Tuple): TupleMessage {
  return {
    object: tuple.object,
    relation: tuple.relation,
    subject: tuple.subject,
    ...(tuple.condition && { condition: writeCondition(tuple.condition) }),
    ...(tuple.expiresAt !== undefined && { expiresAt: instantToTimestamp(tuple.expiresAt) }),
  };
}

/** @throws `invalid_request`, `invalid_name`, `invalid_id`, `invalid_context` */
export function readTuple(message: TupleMessage): Tuple {
  return {
    object: readObject(message.object, "object"),
    relation: checkName(message.relation, "relation"),
    subject: readSubject(message.subject, "subject"),
    ...(message.condition && { condition: readCondition(message.condition) }),
    ...(message.expiresAt && { expiresAt: timestampToInstant(message.expiresAt, "expires_at") }),
  };
}

export function writeCondition(condition: TupleCondition): ConditionMessage {
  const { name, context } = condition;
  return Object.keys(context).length === 0 ? { name } : { name, context: contextToStruct(context, `context of condition \`${name}\``) };
}

export function readCondition(message: ConditionMessage): TupleCondition {
  const name = checkType(message.name, "condition");
  return { name, context: message.context ? contextFromStruct(message.context, `context of condition \`${name}\``) : {} };
}

export function readFilter(message: FilterMessage): TupleFilter {
  return checkFilter(
    compact<TupleFilter>({
      objectType: message.objectType,
      objectId: message.objectId,
      objectIdPrefix: message.objectIdPrefix,
      relation: message.relation,
      subjectType: message.subjectType,
      subjectId: message.subjectId,
      subjectRelation: message.subjectRelation,
    }),
  );
}

/** A filter as it is sent: its fields have the wire's names already. */
export function writeFilter(filter: TupleFilter): FilterMessage {
  return checkFilter(filter);
}
