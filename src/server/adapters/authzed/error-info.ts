import type { ErrorCode, ErrorDetails } from "../../../base/errors.js";
import type { TupleFilter } from "../../../model/filter.js";
import { parseTuple } from "../../../model/tuple-text.js";

/** By our code, what SpiceDB calls what our details name. */
const renamed: Readonly<Partial<Record<ErrorCode, Readonly<Record<string, string>>>>> = {
  unknown_type: { type: "definition_name" },
  unknown_relation: { type: "definition_name", relation: "relation_or_permission_name" },
  relation_not_writable: { type: "definition_name", relation: "permission_name" },
  subject_not_allowed: { type: "definition_name", relation: "relation_name", subject: "subject_type" },
  invalid_context: { condition: "caveat_name", field: "parameter_name" },
  unknown_condition: { type: "definition_name", relation: "relation_name", subject: "subject_type" },
};

/**
 * What an error's `ErrorInfo` says beside its reason: our details under the names that SpiceDB gives such, as far as both tell of the same, and the others as they
 * are. Seen of SpiceDB 1.56.
 *
 *     unknown_relation { type: "document", relation: "see" } → { definition_name: "document", relation_or_permission_name: "see" }
 */
export function errorInfoOf(code: ErrorCode, details: ErrorDetails): ErrorDetails {
  const names = renamed[code];
  if (names !== undefined) return Object.fromEntries(Object.entries(details).map(([name, value]) => [names[name] ?? name, value]));
  const { tuple, filter, precondition, line, column, ...others } = details;
  if (code === "duplicate_operation" && tuple !== undefined) return { ...others, definition_name: parseTuple(tuple).object.type, relationship: tuple };
  if (code === "schema_orphans_tuples" && tuple !== undefined) return { ...others, resource_type: parseTuple(tuple).object.type, relationship: tuple };
  if (code === "tuple_exists" && tuple !== undefined) return { ...others, ...relationshipInfo(tuple) };
  if (code === "precondition_failed" && filter !== undefined) return { ...others, ...preconditionInfo(precondition, JSON.parse(filter) as TupleFilter) };
  if (code === "invalid_schema" && line !== undefined && column !== undefined) return { ...others, ...placeInfo(Number(line), Number(column), details["errors"]) };
  return details;
}

function relationshipInfo(text: string): ErrorDetails {
  const { object, relation, subject } = parseTuple(text);
  return {
    relationship: text,
    resource_type: object.type,
    resource_object_id: object.id,
    resource_relation: relation,
    subject_type: subject.type,
    subject_object_id: subject.id,
    subject_relation: subject.relation,
  };
}

function preconditionInfo(kind: string | undefined, filter: TupleFilter): ErrorDetails {
  return { precondition_operation: kind === "mustMatch" ? "OPERATION_MUST_MATCH" : "OPERATION_MUST_NOT_MATCH", ...filterInfo(filter, "precondition") };
}

/** What a filter says, each field under its name there behind a prefix. */
export function filterInfo(filter: TupleFilter = {}, prefix = "filter"): ErrorDetails {
  const { objectType, objectId, objectIdPrefix, relation, subjectType, subjectId, subjectRelation } = filter;
  const info = {
    resource_type: objectType,
    resource_id: objectId,
    resource_id_prefix: objectIdPrefix,
    relation,
    subject_type: subjectType,
    subject_id: subjectId,
    subject_relation: subjectRelation,
  };
  return Object.fromEntries(Object.entries(info).flatMap(([name, value]) => (value === undefined ? [] : [[`${prefix}_${name}`, value]])));
}

/** SpiceDB counts lines and columns from 0. */
function placeInfo(line: number, column: number, errors = "[]"): ErrorDetails {
  const [first] = JSON.parse(errors) as { readonly length: number }[];
  const length = first?.length ?? 0;
  const [start, place] = [String(line - 1), String(column - 1)];
  return { start_line_number: start, start_column_position: place, end_line_number: start, end_column_position: String(column - 1 + length), source_code: "" };
}
