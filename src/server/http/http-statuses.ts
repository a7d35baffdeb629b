import { UsherError, type ErrorCode } from "../../base/errors.js";

/**
 * The one map from error codes to HTTP statuses. Programs read the code in the body; the status is for what stands between. So 429
 * and 503, which are retried, are kept for what a later call may find otherwise.
 */
export const httpStatuses: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 400,
  invalid_id: 400,
  invalid_name: 400,
  invalid_tuple: 400,
  invalid_filter: 400,
  invalid_context: 400,
  invalid_zookie: 400,
  invalid_cursor: 400,
  invalid_schema: 400,
  invalid_file: 400,
  invalid_configuration: 400,
  request_too_large: 413,
  duplicate_operation: 400,
  request_id_reused: 409,

  schema_missing: 409,
  unknown_type: 400,
  unknown_relation: 400,
  unknown_condition: 400,
  relation_not_writable: 400,
  subject_not_allowed: 400,
  schema_orphans_tuples: 409,

  unauthenticated: 401,
  permission_denied: 403,

  tenant_unknown: 404,
  tenant_exists: 409,
  quota_exceeded: 429,
  tuple_exists: 409,
  precondition_failed: 409,
  schema_changed: 409,

  zookie_expired: 410,
  zookie_of_other_store: 409,
  zookie_of_other_tenant: 409,
  zookie_of_lost_timeline: 410,
  zookie_ahead: 409,
  cursor_expired: 410,

  audit_off: 409,
  audit_unavailable: 503,
  record_unknown: 404,

  cycle_through_exclusion: 422,
  depth_exceeded: 422,
  evaluation_too_large: 422,
  condition_failed: 422,
  response_too_large: 422,

  // Nobody is there to read it; it is nginx's number, for logs.
  cancelled: 499,
  deadline_exceeded: 504,
  overloaded: 503,

  outcome_unknown: 500,
  store_unavailable: 503,
  store_in_use: 500,
  store_corrupt: 500,
  store_format_newer: 500,
  store_format_older: 500,
  store_exists: 500,
  restore_unfinished: 500,
  not_a_store: 500,
  backup_damaged: 500,
  backup_mismatch: 500,
  clock_behind: 500,
  address_in_use: 500,
  certificate_expired: 500,
  server_unreachable: 503,
  lease_lapsed: 503,
  closed: 503,
  internal: 500,
};

/** What HTTP has a status of its own for, beside the code: a route that there is not, a type of content that is not read. */
export class HttpRefusal extends UsherError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, message: string) {
    super(code, message);
    this.status = status;
  }
}

export function statusOf(error: UsherError): number {
  return error instanceof HttpRefusal ? error.status : httpStatuses[error.code];
}
