import { UsherError } from "../../../base/errors.js";
import type { BatchCheckResult, Decision } from "../../../model/service.js";
import { statusOf } from "../../http/http-statuses.js";

/** AuthZEN's answer to one question. */
export interface Outcome {
  readonly decision: boolean;
  readonly context: object;
}

export function outcomeOf({ allowed, missingFields, zookie, validForMs }: Decision): Outcome {
  const validFor = validForMs === undefined ? {} : { valid_for_ms: validForMs };
  if (allowed || missingFields.length === 0) return { decision: allowed, context: { zookie, ...validFor } };
  return { decision: false, context: { zookie, ...validFor, reason: "conditional", missing_fields: missingFields } };
}

export function outcomeOfResult(result: BatchCheckResult): Outcome {
  return "decision" in result ? outcomeOf(result.decision) : outcomeOfError(new UsherError(result.error.code, result.error.message));
}

export function outcomeOfError(error: UsherError): Outcome {
  return { decision: false, context: { reason: "error", error: errorBody(error) } };
}

export function errorBody(error: UsherError): object {
  return { status: statusOf(error), code: error.code, message: error.message };
}
