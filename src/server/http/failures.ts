import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

import { asError, UsherError } from "../../base/errors.js";
import type { ErrorReporter } from "../statuses.js";
import type { HttpAnswer } from "./adapter.js";
import { HttpRefusal, statusOf } from "./http-statuses.js";

/** Whatever was thrown, as an error that a client may see. What no code foresees is a bug: it is reported here, and the client is told nothing of it. */
export function visibleError(thrown: unknown, path: string, report: ErrorReporter): UsherError {
  if (thrown instanceof UsherError && thrown.code !== "internal") return thrown;
  report(asError(thrown), path);
  return new UsherError("internal", "the server failed; its log says why");
}

/** As the host itself tells of a failure. */
export function failureAnswer({ code, message, details }: UsherError, status: number): HttpAnswer {
  return { status, body: { error: { code, message, ...(Object.keys(details).length === 0 ? {} : { details }) } } };
}

/** What HTTP's own rules add to whichever form a failure has. */
export function failureHeaders({ code, details }: UsherError): Record<string, string> {
  const { retryAfterMs } = details;
  return {
    ...(code === "unauthenticated" ? { "www-authenticate": "Bearer" } : {}),
    ...(retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(Number(retryAfterMs) / 1_000)) }),
  };
}

/** What Fastify says of a request that it could not read; undefined: it was not Fastify. */
export function requestError(thrown: unknown): UsherError | undefined {
  const { code, statusCode, message } = thrown as { code?: unknown; statusCode?: unknown; message?: unknown };
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new UsherError("request_too_large", "the body is larger than requests may be: ask for less at once");
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new HttpRefusal(415, "invalid_request", "the body is no JSON: send it with `content-type: application/json`");
    case "ECONNRESET":
      return new UsherError("cancelled", "the client went away before its request was read");
    default:
      return typeof code === "string" && code.startsWith("FST_ERR_") && statusCode === 400 ? new UsherError("invalid_request", `the request cannot be read: ${String(message)}`) : undefined;
  }
}

/** Of what was so wrong that it never became a request: the parser's error is answered on the socket, which is then closed. */
export function answerSocket(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const refusal = socketError(error.code);
  const status = statusOf(refusal);
  const body = JSON.stringify(failureAnswer(refusal, status).body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function socketError(code: string | undefined): UsherError {
  if (code === "HPE_HEADER_OVERFLOW") return new HttpRefusal(431, "request_too_large", "the headers are larger than requests may have");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new HttpRefusal(408, "deadline_exceeded", "the request did not arrive in time");
  return new UsherError("invalid_request", "the request is no HTTP that can be read");
}
