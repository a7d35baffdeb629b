/**
 * Every way in which an operation can fail. Codes are API: they stay, messages may change. The
 * README lists each with what to do; `server/statuses.ts` alone says which gRPC status each has.
 */
export const errorCodes = [
  // The request is malformed: correct it; a retry of the same bytes fails again.
  "invalid_request",
  "invalid_id",
  "invalid_name",
  "invalid_tuple",
  "invalid_filter",
  "invalid_context",
  "invalid_zookie",
  "invalid_cursor",
  "invalid_schema",
  "invalid_file",
  "invalid_configuration",
  "request_too_large",
  "duplicate_operation",
  "request_id_reused",
  // The request does not fit the schema in force.
  "schema_missing",
  "unknown_type",
  "unknown_relation",
  "unknown_condition",
  "relation_not_writable",
  "subject_not_allowed",
  "schema_orphans_tuples",
  // Who asks: not known, or not allowed to.
  "unauthenticated",
  "permission_denied",
  // The request does not fit the data.
  "tenant_unknown",
  "tenant_exists",
  "quota_exceeded",
  "tuple_exists",
  "precondition_failed",
  "schema_changed",
  // A token no longer, or never, meant something here.
  "zookie_expired",
  "zookie_of_other_store",
  "zookie_of_other_tenant",
  "zookie_of_lost_timeline",
  "zookie_ahead",
  "cursor_expired",
  // The decision log.
  "audit_off",
  "audit_unavailable",
  "record_unknown",
  // The evaluation could not decide; it denies.
  "cycle_through_exclusion",
  "depth_exceeded",
  "evaluation_too_large",
  "condition_failed",
  // The answer does not fit in one message: ask for less.
  "response_too_large",
  // The call ended early.
  "cancelled",
  "deadline_exceeded",
  "overloaded",
  // The store, the machine, the process.
  "outcome_unknown",
  "store_unavailable",
  "store_in_use",
  "store_corrupt",
  "store_format_newer",
  "store_format_older",
  "store_exists",
  "restore_unfinished",
  "not_a_store",
  // A backup file.
  "backup_damaged",
  "backup_mismatch",
  "clock_behind",
  "address_in_use",
  "certificate_expired",
  "server_unreachable",
  "lease_lapsed",
  "closed",
  "internal",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export type ErrorDetails = Readonly<Record<string, string>>;

/**
 * The one error class of operations. `code` is stable; `message` is lower case, names the input in
 * backticks and says what to do; `details` are machine-readable strings (`line`, `field`, `zookie`).
 */
export class UsherError extends Error {
  override readonly name = "UsherError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return (errorCodes as readonly string[]).includes(text);
}

/** Whatever was thrown, as an Error: for a catch that must wrap or report a value of any type. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
