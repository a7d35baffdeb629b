import { UsherError, type ErrorCode, type ErrorDetails } from "../../../base/errors.js";

/** `authzed.api.v1.ErrorReason`, those that something here has for its reason. */
export type Reason =
  | "ERROR_REASON_UNSPECIFIED"
  | "ERROR_REASON_SCHEMA_PARSE_ERROR"
  | "ERROR_REASON_SCHEMA_TYPE_ERROR"
  | "ERROR_REASON_UNKNOWN_DEFINITION"
  | "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION"
  | "ERROR_REASON_TOO_MANY_UPDATES_IN_REQUEST"
  | "ERROR_REASON_TOO_MANY_PRECONDITIONS_IN_REQUEST"
  | "ERROR_REASON_WRITE_OR_DELETE_PRECONDITION_FAILURE"
  | "ERROR_REASON_INVALID_SUBJECT_TYPE"
  | "ERROR_REASON_CAVEAT_PARAMETER_TYPE_ERROR"
  | "ERROR_REASON_UPDATES_ON_SAME_RELATIONSHIP"
  | "ERROR_REASON_CANNOT_UPDATE_PERMISSION"
  | "ERROR_REASON_CAVEAT_EVALUATION_ERROR"
  | "ERROR_REASON_INVALID_CURSOR"
  | "ERROR_REASON_TOO_MANY_RELATIONSHIPS_FOR_TRANSACTIONAL_DELETE"
  | "ERROR_REASON_ATTEMPT_TO_RECREATE_RELATIONSHIP"
  | "ERROR_REASON_MAXIMUM_DEPTH_EXCEEDED"
  | "ERROR_REASON_SERIALIZATION_FAILURE"
  | "ERROR_REASON_EXCEEDS_MAXIMUM_ALLOWABLE_LIMIT"
  | "ERROR_REASON_INVALID_FILTER"
  | "ERROR_REASON_WILDCARD_NOT_ALLOWED"
  | "ERROR_REASON_TRANSACTION_METADATA_TOO_LARGE";

/** Where an error that is on its way keeps its reason; it is never sent under this name. */
export const reasonKey = "authzed_reason";

/** An error for which SpiceDB has a reason that its code alone does not tell. */
export function reasoned(code: ErrorCode, reason: Reason, message: string, details: ErrorDetails = {}): UsherError {
  return new UsherError(code, message, { details: { ...details, [reasonKey]: reason } });
}
