import { UsherError } from "../../base/errors.js";
import { quote } from "../object.js";
import { isWildcard } from "../subject.js";
import type { Tuple } from "../tuple.js";
import { formatAllowedSubject } from "./alternative.js";
import type { AllowedSubject, Definition, Relation, Schema, TupleShape } from "./schema.js";

export function shapeOf(tuple: Tuple): TupleShape {
  return {
    objectType: tuple.object.type,
    relation: tuple.relation,
    subjectType: tuple.subject.type,
    subjectRelation: tuple.subject.relation,
    wildcard: isWildcard(tuple.subject),
    condition: tuple.condition?.name ?? "",
    expiring: tuple.expiresAt !== undefined,
  };
}

export function sameShape(a: TupleShape, b: TupleShape): boolean {
  return (
    a.objectType === b.objectType &&
    a.relation === b.relation &&
    a.subjectType === b.subjectType &&
    a.subjectRelation === b.subjectRelation &&
    a.wildcard === b.wildcard &&
    a.condition === b.condition &&
    a.expiring === b.expiring
  );
}

/**
 * Whether a relation of the schema allows tuples of this shape: one of its alternatives equals it in the
 * subject, the condition and the expiration. `user with a` does not allow a `user` without condition.
 */
export function admits(schema: Schema, shape: TupleShape): boolean {
  const member = schema.definitions.get(shape.objectType)?.members.get(shape.relation);
  return member?.kind === "relation" && member.subjects.some((subject) => equals(subject, shape));
}

/**
 * Refuses a tuple that the schema does not allow. A write must fit the schema in all its parts, stored
 * context included. A delete must name what exists: it may name a subject that an earlier schema allowed.
 * @throws `unknown_type`, `unknown_relation`, `relation_not_writable`, `subject_not_allowed`, `unknown_condition`, `invalid_context`
 */
export function checkTuple(schema: Schema, tuple: Tuple, how: "write" | "delete"): void {
  const relation = writableRelation(definitionOf(schema, tuple.object.type), tuple.relation);
  const subject = definitionOf(schema, tuple.subject.type);
  if (tuple.subject.relation !== "") memberOf(subject, tuple.subject.relation);
  if (how === "delete") return;
  const { condition } = tuple;
  const compiled = condition === undefined ? undefined : schema.conditions.get(condition.name);
  const shape = shapeOf(tuple);
  if (condition !== undefined && compiled === undefined) {
    throw new UsherError("unknown_condition", `unknown condition ${quote(condition.name)}: the schema has no caveat of this name`, { details: detailsOf(shape) });
  }
  if (!admits(schema, shape)) throw notAllowed(relation, shape);
  if (condition !== undefined) compiled?.checkStored(condition.context);
}

function equals(subject: AllowedSubject, shape: TupleShape): boolean {
  return (
    subject.type === shape.subjectType &&
    subject.relation === shape.subjectRelation &&
    subject.wildcard === shape.wildcard &&
    (subject.condition ?? "") === shape.condition &&
    subject.expiration === shape.expiring
  );
}

function subjectOf(shape: TupleShape): AllowedSubject {
  const { subjectType, subjectRelation, wildcard, condition, expiring } = shape;
  const subject = { type: subjectType, relation: subjectRelation, wildcard, expiration: expiring };
  return condition === "" ? subject : { ...subject, condition };
}

function definitionOf(schema: Schema, type: string): Definition {
  const definition = schema.definitions.get(type);
  if (definition !== undefined) return definition;
  throw new UsherError("unknown_type", `unknown type ${quote(type)}: the schema does not define it`, { details: { type } });
}

function memberOf(definition: Definition, name: string) {
  const member = definition.members.get(name);
  if (member !== undefined) return member;
  throw new UsherError("unknown_relation", `type ${quote(definition.name)} has no relation or permission ${quote(name)}`, { details: { type: definition.name, relation: name } });
}

function writableRelation(definition: Definition, name: string): Relation {
  const member = memberOf(definition, name);
  if (member.kind === "relation") return member;
  const message = `${quote(`${definition.name}#${name}`)} is a permission, which is computed: write to a relation that it uses`;
  throw new UsherError("relation_not_writable", message, { details: { type: definition.name, relation: name } });
}

function notAllowed(relation: Relation, shape: TupleShape): UsherError {
  const details = detailsOf(shape);
  const allowed = relation.subjects.map((alternative) => quote(formatAllowedSubject(alternative))).join(", ");
  return new UsherError("subject_not_allowed", `relation ${quote(`${shape.objectType}#${shape.relation}`)} does not allow ${quote(details.subject)}: it allows ${allowed}`, { details });
}

function detailsOf(shape: TupleShape): { readonly type: string; readonly relation: string; readonly subject: string } {
  return { type: shape.objectType, relation: shape.relation, subject: formatAllowedSubject(subjectOf(shape)) };
}
