import { Metadata, status } from "@grpc/grpc-js";

import { UsherError, type ErrorCode } from "../base/errors.js";
import { encodeError, statusDetailsKey } from "../model/wire/status.js";

/**
 * The one map from error codes to gRPC statuses. Programs read the code from the ErrorInfo; the status
 * is for what stands between: a proxy or a retry policy. So `UNAVAILABLE` and `RESOURCE_EXHAUSTED`, which
 * are retried, are kept for what a later call may find otherwise.
 */
export const statuses: Readonly<Record<ErrorCode, status>> = {
  invalid_request: status.INVALID_ARGUMENT,
  invalid_id: status.INVALID_ARGUMENT,
  invalid_name: status.INVALID_ARGUMENT,
  invalid_tuple: status.INVALID_ARGUMENT,
  invalid_filter: status.INVALID_ARGUMENT,
  invalid_context: status.INVALID_ARGUMENT,
  invalid_zookie: status.INVALID_ARGUMENT,
  invalid_cursor: status.INVALID_ARGUMENT,
  invalid_schema: status.INVALID_ARGUMENT,
  invalid_file: status.INVALID_ARGUMENT,
  invalid_configuration: status.INVALID_ARGUMENT,
  request_too_large: status.INVALID_ARGUMENT,
  duplicate_operation: status.INVALID_ARGUMENT,
  request_id_reused: status.INVALID_ARGUMENT,

  schema_missing: status.FAILED_PRECONDITION,
  unknown_type: status.FAILED_PRECONDITION,
  unknown_relation: status.FAILED_PRECONDITION,
  unknown_condition: status.FAILED_PRECONDITION,
  relation_not_writable: status.FAILED_PRECONDITION,
  subject_not_allowed: status.FAILED_PRECONDITION,
  schema_orphans_tuples: status.FAILED_PRECONDITION,

  unauthenticated: status.UNAUTHENTICATED,
  permission_denied: status.PERMISSION_DENIED,

  tenant_unknown: status.NOT_FOUND,
  tenant_exists: status.ALREADY_EXISTS,
  quota_exceeded: status.RESOURCE_EXHAUSTED,
  tuple_exists: status.ALREADY_EXISTS,
  precondition_failed: status.FAILED_PRECONDITION,
  schema_changed: status.ABORTED,

  zookie_expired: status.OUT_OF_RANGE,
  zookie_of_other_store: status.FAILED_PRECONDITION,
  zookie_of_other_tenant: status.FAILED_PRECONDITION,
  zookie_of_lost_timeline: status.FAILED_PRECONDITION,
  zookie_ahead: status.OUT_OF_RANGE,
  cursor_expired: status.OUT_OF_RANGE,

  audit_off: status.FAILED_PRECONDITION,
  audit_unavailable: status.UNAVAILABLE,
  record_unknown: status.NOT_FOUND,

  cycle_through_exclusion: status.FAILED_PRECONDITION,
  depth_exceeded: status.FAILED_PRECONDITION,
  evaluation_too_large: status.FAILED_PRECONDITION,
  condition_failed: status.FAILED_PRECONDITION,
  response_too_large: status.FAILED_PRECONDITION,

  cancelled: status.CANCELLED,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  overloaded: status.RESOURCE_EXHAUSTED,

  outcome_unknown: status.UNKNOWN,
  store_unavailable: status.UNAVAILABLE,
  store_in_use: status.FAILED_PRECONDITION,
  store_corrupt: status.DATA_LOSS,
  store_format_newer: status.FAILED_PRECONDITION,
  store_format_older: status.FAILED_PRECONDITION,
  store_exists: status.ALREADY_EXISTS,
  restore_unfinished: status.FAILED_PRECONDITION,
  not_a_store: status.FAILED_PRECONDITION,
  backup_damaged: status.DATA_LOSS,
  backup_mismatch: status.FAILED_PRECONDITION,
  clock_behind: status.FAILED_PRECONDITION,
  address_in_use: status.FAILED_PRECONDITION,
  certificate_expired: status.FAILED_PRECONDITION,
  server_unreachable: status.UNAVAILABLE,
  lease_lapsed: status.UNAVAILABLE,
  closed: status.UNAVAILABLE,
  internal: status.INTERNAL,
};

/** What a handler answers when it fails. */
export interface Failure {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Told of what no code foresees, with the rpc's path: a bug, whose client learns no more than `internal`. */
export type ErrorReporter = (error: Error, path: string) => void;

export function toFailure(error: UsherError): Failure {
  const code = statuses[error.code];
  const { message, details } = encodeError(error, code);
  const metadata = new Metadata();
  metadata.set(statusDetailsKey, details);
  return { code, details: message, metadata };
}
