import { Metadata, type ServerDuplexStream, type ServerWritableStream } from "@grpc/grpc-js";

import type { Call } from "../model/service.js";
import type { Caller } from "./access/access.js";
import type { Ending } from "./access/open-calls.js";
import { answerFailure } from "./failure.js";
import { Flow } from "./flow.js";
import { Cancellation, IncomingCall } from "./incoming.js";
import type { OpenStreams } from "./open-streams.js";
import type { Reception, Rpc, ServedMethod } from "./reception.js";
import type { ErrorReporter } from "./statuses.js";
import { requestIdKey } from "./telemetry/request-id.js";

type StreamCall = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** One kind of stream of answers, and what all streams of the server share. */
export interface StreamKind<Request, Event> {
  readonly method: Rpc & Pick<ServedMethod<never, Event>, "response">;
  readonly run: (request: Request, call: Call) => AsyncIterable<Event>;
  /** By which the server ends a stream of itself. */
  readonly ending: (cancellation: Cancellation, flow: Flow) => Ending;
  readonly report: ErrorReporter;
  readonly streams: OpenStreams;
  readonly reception: Reception;
}

/**
 * Answers a call with a stream: whoever calls is let in, what was asked is read, and each event is sent once the client has taken
 * enough of those before. The service's iterator is returned however the stream ends.
 */
export async function answerStream<Request, Event>(kind: StreamKind<Request, Event>, call: StreamCall, read: (cancellation: Cancellation) => Request): Promise<void> {
  const { method, run, report, streams, reception } = kind;
  const cancellation = new Cancellation(call);
  const { signal } = cancellation;
  const flow = new Flow(call, signal, streams);
  const ending = kind.ending(cancellation, flow);
  const visit = reception.begin(method, call.metadata, true);
  let ended: unknown;
  let caller: Caller | undefined;
  try {
    const who = (caller = await reception.gate.enter(call, method, cancellation));
    const request = visit.admit(who, () => read(cancellation));
    streams.add(ending);
    const headers = new Metadata();
    headers.set(requestIdKey, visit.requestId);
    call.sendMetadata(headers);
    for await (const event of visit.run(() => run(request, new IncomingCall(who, cancellation, call.metadata, visit.requestId)))) {
      signal.throwIfAborted();
      await flow.send(method.response.encode(event));
      signal.throwIfAborted();
    }
    call.end();
  } catch (thrown) {
    ended = signal.aborted ? signal.reason : thrown;
    const failure = answerFailure(ended, method, report);
    failure.metadata.set(requestIdKey, visit.requestId);
    if (!call.cancelled) call.emit("error", failure);
  } finally {
    caller?.release();
    cancellation.release();
    streams.delete(ending);
    flow.close();
    visit.end(ended);
  }
}
