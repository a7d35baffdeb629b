import { status, type ServiceError } from "@grpc/grpc-js";

import { UsherError, type ErrorCode } from "../base/errors.js";
import { quote } from "../model/object.js";
import { decodeError, statusDetailsKey } from "../model/wire/status.js";

/** What a status means that came without our ErrorInfo: from the transport, a proxy, or another kind of server. */
const codes: Partial<Record<status, ErrorCode>> = {
  [status.CANCELLED]: "cancelled",
  [status.DEADLINE_EXCEEDED]: "deadline_exceeded",
  [status.INVALID_ARGUMENT]: "invalid_request",
  [status.UNIMPLEMENTED]: "invalid_request",
  [status.RESOURCE_EXHAUSTED]: "overloaded",
  [status.UNAUTHENTICATED]: "unauthenticated",
  [status.PERMISSION_DENIED]: "permission_denied",
};

/** How a call ended on this side. */
export interface Sent {
  readonly address: string;
  /** The call could change something. */
  readonly writes: boolean;
  /** The call was cancelled here; where it was not, `CANCELLED` means that it broke off. */
  readonly cancelled: boolean;
}

/** grpc-js's words for a call that never left: nothing was changed. */
const neverSent = /^(No connection established|Name resolution failed)/;

/**
 * A call's failure as the server's own error: same code, message and details. Where the call broke
 * off on its way, a write may have been applied, and the error says so.
 */
export function fromGrpc(error: ServiceError, { address, writes, cancelled }: Sent): UsherError {
  const details: unknown = error.metadata?.get(statusDetailsKey)[0];
  const own = details instanceof Buffer ? decodeError(details) : undefined;
  if (own !== undefined) return own;
  if (error.details.includes("larger than max")) return new UsherError("request_too_large", `the message is too large: ${error.details}`, { cause: error });
  const brokeOff = error.code === status.UNAVAILABLE || (error.code === status.CANCELLED && !cancelled);
  const code = brokeOff ? "server_unreachable" : (codes[error.code] ?? "internal");
  const doubtful = writes && !neverSent.test(error.details);
  const message = describe(code, error, address) + (doubtful ? "; it may have been applied all the same: read, or retry with the same request id" : "");
  return new UsherError(doubtful && brokeOff ? "outcome_unknown" : code, message, { details: { address }, cause: error });
}

function describe(code: ErrorCode, error: ServiceError, address: string): string {
  switch (code) {
    case "server_unreachable":
      return `server ${quote(address)} cannot be reached: ${transportText(error.details)}${neverSent.test(error.details) ? ": start one there, or give the address of another" : ""}`;
    case "deadline_exceeded":
      return `server ${quote(address)} did not answer before the deadline`;
    case "cancelled":
      return "the call was cancelled";
    default:
      return `server ${quote(address)} answered ${status[error.code]}: ${error.details}`;
  }
}

/** What stood in the way, without the library's words around it. */
function transportText(details: string): string {
  return details
    .replace(/ Resolution note:\s*$/, "")
    .replace(/^No connection established\. Last error: (?:Error: )?/, "")
    .replace(/\.+$/, "");
}
