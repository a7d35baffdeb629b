import type { handleBidiStreamingCall } from "@grpc/grpc-js";

import { limits } from "../base/limits.js";
import type { Call } from "../model/service.js";
import type { Ending } from "./access/open-calls.js";
import { answerStream } from "./answer-stream.js";
import type { Flow } from "./flow.js";
import type { Cancellation } from "./incoming.js";
import type { OpenStreams } from "./open-streams.js";
import type { Reception, ServedMethod } from "./reception.js";
import { Requests } from "./requests.js";
import type { ErrorReporter } from "./statuses.js";

type Run<Request, Event> = (requests: AsyncIterable<Request>, call: Call) => AsyncIterable<Event>;

/**
 * A handler of a stream of requests with a stream of answers, neither of which waits for the other.
 * @param parting what a client is told before the server ends its stream of itself
 */
export function bidiStreamHandler<Request, Event>(
  method: ServedMethod<Request, Event>,
  run: Run<Request, Event>,
  parting: () => Event,
  report: ErrorReporter,
  streams: OpenStreams,
  reception: Reception,
): handleBidiStreamingCall<Buffer, Buffer> {
  const ending = (cancellation: Cancellation, flow: Flow) => new Parting(cancellation, () => flow.write(method.response.encode(parting())));
  const kind = { method, run, ending, report, streams, reception };
  return (call) => {
    let requests: Requests<Request> | undefined;
    void answerStream(kind, call, (cancellation) => (requests = new Requests(call, method.request, cancellation))).finally(() => requests?.close());
  };
}

/** Says that the stream is going to end, and ends it a moment later: until then it goes on in both directions. */
class Parting implements Ending {
  readonly #cancellation: Cancellation;
  readonly #tell: () => void;
  #begun = false;

  constructor(cancellation: Cancellation, tell: () => void) {
    this.#cancellation = cancellation;
    this.#tell = tell;
  }

  abort(reason: unknown): void {
    if (this.#begun || this.#cancellation.aborted) return;
    this.#begun = true;
    this.#tell();
    setTimeout(() => this.#cancellation.abort(reason), limits.partingMs).unref();
  }
}
