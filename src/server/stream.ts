import type { handleServerStreamingCall } from "@grpc/grpc-js";

import type { Call } from "../model/service.js";
import { answerStream } from "./answer-stream.js";
import type { Cancellation } from "./incoming.js";
import type { OpenStreams } from "./open-streams.js";
import type { Reception, ServedMethod } from "./reception.js";
import type { ErrorReporter } from "./statuses.js";

type Run<Request, Event> = (request: Request, call: Call) => AsyncIterable<Event>;

/** A handler of one request with a stream of answers. */
export function streamHandler<Request, Event>(
  method: ServedMethod<Request, Event>,
  run: Run<Request, Event>,
  report: ErrorReporter,
  streams: OpenStreams,
  reception: Reception,
): handleServerStreamingCall<Buffer, Buffer> {
  const kind = { method, run, ending: (cancellation: Cancellation) => cancellation, report, streams, reception };
  return (call) => void answerStream(kind, call, () => method.request.decode(call.request));
}
