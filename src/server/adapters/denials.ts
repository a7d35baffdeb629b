import { UsherError, type ErrorCode } from "../../base/errors.js";

/**
 * Codes that are an answer, and no failure of the request: what is asked about is not in the schema, no object can have the id, or the evaluation could
 * not decide. Dialects that know nothing but yes and no answer no, and say why.
 */
const denying: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "unknown_type",
  "unknown_relation",
  "unknown_condition",
  "invalid_id",
  "invalid_name",
  "subject_not_allowed",
  "relation_not_writable",
  "cycle_through_exclusion",
  "depth_exceeded",
  "evaluation_too_large",
  "condition_failed",
]);

/** What was thrown, if it denies. @param others codes that do in this dialect, too @throws it, if it does not */
export function denialOf(thrown: unknown, others: readonly ErrorCode[] = []): UsherError {
  if (thrown instanceof UsherError && (denying.has(thrown.code) || others.includes(thrown.code))) return thrown;
  throw thrown;
}
