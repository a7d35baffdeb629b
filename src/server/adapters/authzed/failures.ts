import { Metadata, status } from "@grpc/grpc-js";

import { UsherError, type ErrorCode } from "../../../base/errors.js";
import { encodeError, statusDetailsKey, statusOf, type StatusMessage } from "../../../model/wire/status.js";
import { statuses, type Failure } from "../../statuses.js";
import { errorInfoOf } from "./error-info.js";
import { reasonKey, type Reason } from "./reasons.js";

const domain = "authzed.com";

/**
 * How SpiceDB tells of what an error code of ours says, where it has a reason for it: its status and that reason. Every other code keeps the status that it
 * has of us, and comes without a reason.
 */
const told: Readonly<Partial<Record<ErrorCode, readonly [status, Reason]>>> = {
  invalid_filter: [status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FILTER"],
  invalid_context: [status.INVALID_ARGUMENT, "ERROR_REASON_CAVEAT_PARAMETER_TYPE_ERROR"],
  invalid_cursor: [status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_CURSOR"],
  cursor_expired: [status.FAILED_PRECONDITION, "ERROR_REASON_INVALID_CURSOR"],
  invalid_schema: [status.INVALID_ARGUMENT, "ERROR_REASON_SCHEMA_PARSE_ERROR"],
  duplicate_operation: [status.INVALID_ARGUMENT, "ERROR_REASON_UPDATES_ON_SAME_RELATIONSHIP"],

  schema_missing: [status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_DEFINITION"],
  unknown_type: [status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_DEFINITION"],
  unknown_relation: [status.FAILED_PRECONDITION, "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION"],
  unknown_condition: [status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_SUBJECT_TYPE"],
  relation_not_writable: [status.INVALID_ARGUMENT, "ERROR_REASON_CANNOT_UPDATE_PERMISSION"],
  subject_not_allowed: [status.INVALID_ARGUMENT, "ERROR_REASON_INVALID_SUBJECT_TYPE"],
  schema_orphans_tuples: [status.INVALID_ARGUMENT, "ERROR_REASON_SCHEMA_TYPE_ERROR"],

  tuple_exists: [status.ALREADY_EXISTS, "ERROR_REASON_ATTEMPT_TO_RECREATE_RELATIONSHIP"],
  precondition_failed: [status.FAILED_PRECONDITION, "ERROR_REASON_WRITE_OR_DELETE_PRECONDITION_FAILURE"],
  schema_changed: [status.ABORTED, "ERROR_REASON_SERIALIZATION_FAILURE"],

  zookie_of_other_store: [status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED"],
  zookie_of_other_tenant: [status.INVALID_ARGUMENT, "ERROR_REASON_UNSPECIFIED"],
  zookie_of_lost_timeline: [status.OUT_OF_RANGE, "ERROR_REASON_UNSPECIFIED"],

  // SpiceDB walks a cycle until it is too deep.
  cycle_through_exclusion: [status.FAILED_PRECONDITION, "ERROR_REASON_MAXIMUM_DEPTH_EXCEEDED"],
  depth_exceeded: [status.FAILED_PRECONDITION, "ERROR_REASON_MAXIMUM_DEPTH_EXCEEDED"],
  condition_failed: [status.INVALID_ARGUMENT, "ERROR_REASON_CAVEAT_EVALUATION_ERROR"],
};

export function toFailure(error: UsherError): Failure {
  return failureWith(error, ...toldOf(error));
}

/** As `toFailure`; but whoever reads a schema where there is none learns that nothing was found. */
export function toReadFailure(error: UsherError): Failure {
  return error.code === "schema_missing" ? failureWith(error, status.NOT_FOUND, "ERROR_REASON_UNSPECIFIED") : toFailure(error);
}

/** Of one question among many. */
export function toStatusMessage(error: UsherError): StatusMessage {
  const [code, reason] = toldOf(error);
  return statusOf(withCode(error), code, { domain, reason });
}

function failureWith(error: UsherError, code: status, reason: string): Failure {
  const { message, details } = encodeError(withCode(error), code, { domain, reason });
  const metadata = new Metadata();
  metadata.set(statusDetailsKey, details);
  return { code, details: message, metadata };
}

function toldOf({ code, details }: UsherError): readonly [status, string] {
  const [grpcStatus, reason] = told[code] ?? [statuses[code], "ERROR_REASON_UNSPECIFIED"];
  return [grpcStatus, details[reasonKey] ?? reason];
}

/** Our code is told beside the reason: it says more. */
function withCode({ code, message, details }: UsherError): UsherError {
  const { [reasonKey]: _, ...others } = details;
  return new UsherError(code, message, { details: { usher_code: code, ...errorInfoOf(code, others) } });
}
