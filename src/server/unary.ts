import { Metadata, type handleUnaryCall, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";

import type { Call } from "../model/service.js";
import type { Caller } from "./access/access.js";
import { answerFailure } from "./failure.js";
import { Cancellation, IncomingCall } from "./incoming.js";
import type { Reception, ServedMethod } from "./reception.js";
import type { ErrorReporter, Failure } from "./statuses.js";
import { requestIdKey } from "./telemetry/request-id.js";

type Run<Request, Response> = (request: Request, call: Call) => Promise<Response>;

/**
 * A handler of one request with one answer. It is never answered twice, and not after it was cancelled.
 * @param answered told of each answer before it is sent
 */
export function unaryHandler<Request, Response>(
  method: ServedMethod<Request, Response>,
  run: Run<Request, Response>,
  report: ErrorReporter,
  reception: Reception,
  answered?: (response: Response) => void,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => void answer(method, run, report, reception, answered, call, callback);
}

async function answer<Request, Response>(
  method: ServedMethod<Request, Response>,
  run: Run<Request, Response>,
  report: ErrorReporter,
  reception: Reception,
  answered: ((response: Response) => void) | undefined,
  call: ServerUnaryCall<Buffer, Buffer>,
  callback: sendUnaryData<Buffer>,
): Promise<void> {
  const cancellation = new Cancellation(call);
  const visit = reception.begin(method, call.metadata, false);
  let bytes: Buffer | undefined;
  let failure: Failure | null = null;
  let caller: Caller | undefined;
  try {
    const who = (caller = await reception.gate.enter(call, method, cancellation));
    const request = visit.admit(who, () => method.request.decode(call.request));
    const response = await visit.run(() => run(request, new IncomingCall(who, cancellation, call.metadata, visit.requestId)));
    // A write that was done is answered, though its key was revoked meanwhile; what was read is kept back.
    if (!method.writes) cancellation.throwIfAborted();
    answered?.(response);
    bytes = method.response.encode(response);
    visit.end();
  } catch (thrown) {
    const ended = cancellation.aborted ? cancellation.reason : thrown;
    failure = answerFailure(ended, method, report);
    visit.end(ended);
  }
  caller?.release();
  cancellation.release();
  if (call.cancelled) return;
  const trailers = failure?.metadata ?? new Metadata();
  trailers.set(requestIdKey, visit.requestId);
  callback(failure, bytes, trailers);
}
