import { UsherError, type ErrorCode } from "../../../base/errors.js";
import type { HttpAnswer } from "../../http/adapter.js";

/** OpenFGA's word for what went wrong, and the status with which it says so. */
export type Told = readonly [code: string, status: number];

/** An error that OpenFGA has a word for which our code alone does not tell. */
export class Refusal extends UsherError {
  readonly told: Told;

  constructor(code: string, message: string, status = 400) {
    super("invalid_request", message);
    this.told = [code, status];
  }
}

/** Where a code of ours alone decides. Every other one is `validation_error` where the caller is at fault, else `internal_error`. */
const told: Readonly<Partial<Record<ErrorCode, Told>>> = {
  invalid_schema: ["invalid_authorization_model", 400],
  schema_orphans_tuples: ["invalid_authorization_model", 400],
  request_too_large: ["exceeded_entity_limit", 400],
  invalid_cursor: ["invalid_continuation_token", 400],
  cursor_expired: ["invalid_continuation_token", 400],
  invalid_zookie: ["invalid_continuation_token", 400],
  zookie_expired: ["invalid_continuation_token", 400],
  zookie_of_other_store: ["invalid_continuation_token", 400],
  zookie_of_other_tenant: ["invalid_continuation_token", 400],
  zookie_of_lost_timeline: ["invalid_continuation_token", 400],
  zookie_ahead: ["invalid_continuation_token", 400],
  duplicate_operation: ["cannot_allow_duplicate_tuples_in_one_request", 400],
  tuple_exists: ["write_failed_due_to_invalid_input", 400],
  precondition_failed: ["write_failed_due_to_invalid_input", 400],
  depth_exceeded: ["authorization_model_resolution_too_complex", 400],
  evaluation_too_large: ["authorization_model_resolution_too_complex", 400],
  cycle_through_exclusion: ["authorization_model_resolution_too_complex", 400],
  condition_failed: ["validation_error", 400],
  response_too_large: ["validation_error", 400],
  tenant_unknown: ["store_id_not_found", 404],
  schema_missing: ["latest_authorization_model_not_found", 400],
  unauthenticated: ["unauthenticated", 401],
  permission_denied: ["forbidden", 403],
  quota_exceeded: ["resource_exhausted", 429],
  overloaded: ["unavailable", 503],
  store_unavailable: ["unavailable", 503],
  closed: ["unavailable", 503],
  deadline_exceeded: ["deadline_exceeded", 504],
};

export function toldOf(error: UsherError, status: number): Told {
  if (error instanceof Refusal) return error.told;
  return told[error.code] ?? (status >= 500 ? ["internal_error", status] : ["validation_error", status]);
}

export function failureAnswer(error: UsherError, status: number): HttpAnswer {
  const [code, answered] = toldOf(error, status);
  return { status: answered, body: { code, message: error.message } };
}
