import { status, type ServiceError } from "@grpc/grpc-js";
import { UsherError, type ErrorCode } from "../../base/errors.js";
import { quote } from "../../model/object.js";

/** What SpiceDB's statuses mean here. What is not among them is `internal`. */
const codes: Partial<Record<status, ErrorCode>> = {
  [status.UNAVAILABLE]: "server_unreachable",
  [status.CANCELLED]: "server_unreachable",
  [status.ABORTED]: "overloaded",
  [status.RESOURCE_EXHAUSTED]: "overloaded",
  [status.DEADLINE_EXCEEDED]: "deadline_exceeded",
  [status.UNAUTHENTICATED]: "unauthenticated",
  [status.PERMISSION_DENIED]: "permission_denied",
  [status.NOT_FOUND]: "schema_missing",
  [status.OUT_OF_RANGE]: "zookie_expired",
  [status.INVALID_ARGUMENT]: "invalid_request",
  [status.FAILED_PRECONDITION]: "invalid_request",
  [status.UNIMPLEMENTED]: "invalid_request",
};

/** A failed call of a SpiceDB as an error of ours; `details.status` names the status. */
export function spiceDbFailure(name: string, error: ServiceError): UsherError {
  const code = codes[error.code] ?? "internal";
  const details = { source: name, status: status[error.code] };
  return new UsherError(code, `${describe(code, name, error)}: ${error.details.replace(/ Resolution note:\s*$/, "").replace(/\.+$/, "")}`, { details, cause: error });
}

function describe(code: ErrorCode, name: string, error: ServiceError): string {
  if (code === "server_unreachable") return `${quote(name)} cannot be reached`;
  if (code === "unauthenticated" || code === "permission_denied") return `${quote(name)} does not take the token, give it in USHER_SPICEDB_TOKEN`;
  return `${quote(name)} answered ${status[error.code]}`;
}

/** It may be otherwise in a moment: a connection that broke, a server that is busy or comes back, on either side. */
export function isPassing(error: unknown): error is UsherError {
  if (!(error instanceof UsherError)) return false;
  return passing.includes(error.code) || (error.code === "internal" && error.details["status"] !== undefined);
}

const passing: readonly ErrorCode[] = ["server_unreachable", "outcome_unknown", "overloaded", "deadline_exceeded", "store_unavailable", "closed"];
