import { Metadata, type handleClientStreamingCall, type sendUnaryData, type ServerReadableStream } from "@grpc/grpc-js";

import type { Call } from "../model/service.js";
import { defaultTenant } from "../model/tenant.js";
import type { Caller } from "./access/access.js";
import { answerFailure } from "./failure.js";
import { Cancellation, IncomingCall } from "./incoming.js";
import type { Reception, ServedMethod } from "./reception.js";
import type { ErrorReporter, Failure } from "./statuses.js";
import { requestIdKey } from "./telemetry/request-id.js";

type Run<Message, Response> = (messages: AsyncIterable<Message>, call: Call) => Promise<Response>;

/**
 * A handler of a stream of messages with one answer, which may come before the stream has ended. A message is read when the
 * one before has been dealt with, so that a fast client waits. A stream that broke off never looks like one that ended.
 */
export function clientStreamHandler<Message, Response>(
  method: ServedMethod<Message, Response>,
  run: Run<Message, Response>,
  report: ErrorReporter,
  reception: Reception,
): handleClientStreamingCall<Buffer, Buffer> {
  return (call, callback) => void answer(method, run, report, reception, call, callback);
}

async function answer<Message, Response>(
  method: ServedMethod<Message, Response>,
  run: Run<Message, Response>,
  report: ErrorReporter,
  reception: Reception,
  call: ServerReadableStream<Buffer, Buffer>,
  callback: sendUnaryData<Buffer>,
): Promise<void> {
  const cancellation = new Cancellation(call);
  const { signal } = cancellation;
  const visit = reception.begin(method, call.metadata, true);
  let bytes: Buffer | undefined;
  let failure: Failure | null = null;
  let caller: Caller | undefined;
  let leave: (() => void) | undefined;
  try {
    const who = (caller = await reception.gate.enter(call, method, cancellation));
    const messages = visit.admit(who, () => reception.uploads.timed(read(method, call, signal), cancellation));
    leave = reception.uploads.add(who.tenant ?? defaultTenant);
    bytes = method.response.encode(await visit.run(() => run(messages, new IncomingCall(who, cancellation, call.metadata, visit.requestId))));
    visit.end();
  } catch (thrown) {
    failure = answerFailure(signal.aborted ? signal.reason : thrown, method, report);
    visit.end(signal.aborted ? signal.reason : thrown);
  }
  leave?.();
  caller?.release();
  cancellation.release();
  if (call.cancelled) return;
  const trailers = failure?.metadata ?? new Metadata();
  trailers.set(requestIdKey, visit.requestId);
  callback(failure, bytes, trailers);
}

/** Ends with the signal's reason where that aborts. */
async function* read<Message>(method: ServedMethod<Message, unknown>, call: ServerReadableStream<Buffer, Buffer>, signal: AbortSignal): AsyncGenerator<Message, void> {
  const onAbort = () => void call.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const bytes of call) {
      signal.throwIfAborted();
      yield method.request.decode(bytes as Buffer);
    }
  } catch (thrown) {
    throw signal.aborted ? signal.reason : thrown;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  signal.throwIfAborted();
}
