import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";

import type { Call } from "../model/service.js";
import type { Method } from "../model/wire/methods.js";
import { answerFailure } from "./failure.js";
import { cancellation, incomingCall } from "./incoming.js";
import type { ErrorReporter, Failure } from "./statuses.js";

type Run<Request, Response> = (request: Request, call: Call) => Promise<Response>;

/** A handler of one request with one answer. It is never answered twice, and not after it was cancelled. */
export function unaryHandler<Request, Response>(
  method: Method<Request, Response>,
  run: Run<Request, Response>,
  report: ErrorReporter,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => void answer(method, run, report, call, callback);
}

async function answer<Request, Response>(
  method: Method<Request, Response>,
  run: Run<Request, Response>,
  report: ErrorReporter,
  call: ServerUnaryCall<Buffer, Buffer>,
  callback: sendUnaryData<Buffer>,
): Promise<void> {
  const { controller, release } = cancellation(call);
  const { signal } = controller;
  let bytes: Buffer | undefined;
  let failure: Failure | null = null;
  try {
    const request = method.request.decode(call.request);
    bytes = method.response.encode(await run(request, incomingCall(call, signal)));
  } catch (thrown) {
    failure = answerFailure(thrown, method.path, report);
  }
  release();
  if (!signal.aborted) callback(failure, bytes);
}
