import { UsherError } from "../base/errors.js";
import { checkId, checkName, checkType, formatId, quote } from "./object.js";

/**
 * A subject: an object (`user:ana`, relation empty), a userset (`team:sre#member`) or a wildcard
 * (`user:*`, id `*`, every object of the type).
 */
export interface SubjectRef<Type extends string = string, Relation extends string = string> {
  readonly type: Type;
  readonly id: string;
  /** Empty for an object and for a wildcard. */
  readonly relation: Relation;
}

export const wildcardId = "*";

/** @throws `invalid_id`, `invalid_name`, `invalid_request` */
export function subject<Type extends string>(type: Type, id: string): SubjectRef<Type, "">;
export function subject<Type extends string, Relation extends string>(type: Type, id: string, relation: Relation): SubjectRef<Type, Relation>;
export function subject<Type extends string>(type: Type, id: string, relation?: string): SubjectRef<Type>;
export function subject(type: string, id: string, relation = ""): SubjectRef {
  checkType(type);
  if (id === wildcardId) {
    if (relation !== "") throw new UsherError("invalid_request", `wildcard ${quote(`${type}:*`)} cannot have relation ${quote(relation)}`);
    return { type, id, relation };
  }
  checkId(id);
  if (relation !== "") checkName(relation, "relation");
  return { type, id, relation };
}

export function isWildcard(subject: SubjectRef): boolean {
  return subject.id === wildcardId;
}

export function isUserset(subject: SubjectRef): boolean {
  return subject.relation !== "";
}

/** `user:ana`, `team:sre#member`, `user:*`. */
export function formatSubject(subject: SubjectRef): string {
  const base = `${subject.type}:${formatId(subject.id)}`;
  return subject.relation === "" ? base : `${base}#${subject.relation}`;
}
