import { UsherError } from "../base/errors.js";
import { checkId, checkName, checkType, quote } from "./object.js";
import { wildcardId } from "./subject.js";
import type { Tuple } from "./tuple.js";

/** Which tuples are meant. A field left out matches everything; `subjectRelation: ""` matches plain objects and wildcards alone. */
export interface TupleFilter {
  readonly objectType?: string;
  readonly objectId?: string;
  readonly objectIdPrefix?: string;
  readonly relation?: string;
  readonly subjectType?: string;
  readonly subjectId?: string;
  readonly subjectRelation?: string;
}

/**
 * The filter, if it is well formed: an object's id, prefix or relation needs the object's type, a subject's
 * id or relation the subject's type, since names mean something only within a type.
 * @throws `invalid_filter`, `invalid_name`, `invalid_id`
 */
export function checkFilter(filter: TupleFilter): TupleFilter {
  if (typeof filter !== "object" || filter === null) throw new UsherError("invalid_filter", `filter is ${quote(filter)}: pass an object with its fields`);
  for (const [field, value] of Object.entries(filter)) {
    if (value !== undefined && typeof value !== "string") throw new UsherError("invalid_filter", `filter field ${quote(field)} is ${quote(value)}: pass text`);
  }
  const needs = (field: keyof TupleFilter, other: keyof TupleFilter) => {
    if (filter[field] !== undefined && filter[other] === undefined) {
      throw new UsherError("invalid_filter", `filter field \`${field}\` needs \`${other}\``);
    }
  };
  needs("objectId", "objectType");
  needs("objectIdPrefix", "objectType");
  needs("relation", "objectType");
  needs("subjectId", "subjectType");
  needs("subjectRelation", "subjectType");
  if (filter.objectId !== undefined && filter.objectIdPrefix !== undefined) {
    throw new UsherError("invalid_filter", "filter has both `objectId` and `objectIdPrefix`: give one");
  }
  if (filter.objectType !== undefined) checkType(filter.objectType);
  if (filter.objectId !== undefined) checkId(filter.objectId);
  if (filter.objectIdPrefix !== undefined) checkId(filter.objectIdPrefix);
  if (filter.relation !== undefined) checkName(filter.relation, "relation");
  if (filter.subjectType !== undefined) checkType(filter.subjectType);
  if (filter.subjectId !== undefined && filter.subjectId !== wildcardId) checkId(filter.subjectId);
  if (filter.subjectRelation) checkName(filter.subjectRelation, "relation");
  return filter;
}

export function isEmptyFilter(filter: TupleFilter): boolean {
  return filter.objectType === undefined && filter.subjectType === undefined;
}

export function matches(filter: TupleFilter, tuple: Tuple): boolean {
  return (
    (filter.objectType === undefined || filter.objectType === tuple.object.type) &&
    (filter.objectId === undefined || filter.objectId === tuple.object.id) &&
    (filter.objectIdPrefix === undefined || tuple.object.id.startsWith(filter.objectIdPrefix)) &&
    (filter.relation === undefined || filter.relation === tuple.relation) &&
    (filter.subjectType === undefined || filter.subjectType === tuple.subject.type) &&
    (filter.subjectId === undefined || filter.subjectId === tuple.subject.id) &&
    (filter.subjectRelation === undefined || filter.subjectRelation === tuple.subject.relation)
  );
}
