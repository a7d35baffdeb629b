import type { handleServerStreamingCall, ServerWritableStream } from "@grpc/grpc-js";

import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Call } from "../model/service.js";
import type { Method } from "../model/wire/methods.js";
import { answerFailure } from "./failure.js";
import { cancellation, incomingCall } from "./incoming.js";
import type { ErrorReporter } from "./statuses.js";

type Run<Request, Event> = (request: Request, call: Call) => AsyncIterable<Event>;

/** The streams that are open: they are counted, and ended when the server closes, since they end by nothing else. */
export class OpenStreams {
  readonly #open = new Set<AbortController>();
  readonly #max: number;
  #closed = false;

  constructor(max: number) {
    this.#max = max;
  }

  /** @throws `overloaded`, `closed` */
  add(stream: AbortController): void {
    if (this.#closed) throw stopping();
    if (this.#open.size >= this.#max) {
      throw new UsherError("overloaded", `${this.#max} watchers are connected, as many as may be: end one, or ask another server`);
    }
    this.#open.add(stream);
  }

  delete(stream: AbortController): void {
    this.#open.delete(stream);
  }

  closeAll(): void {
    this.#closed = true;
    for (const stream of this.#open) stream.abort(stopping());
  }
}

function stopping(): UsherError {
  return new UsherError("closed", "the server is stopping: resume after the last zookie when it is back");
}

/** A handler of one request with a stream of answers. */
export function streamHandler<Request, Event>(
  method: Method<Request, Event>,
  run: Run<Request, Event>,
  report: ErrorReporter,
  streams: OpenStreams,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => void answer(method, run, report, streams, call);
}

async function answer<Request, Event>(
  method: Method<Request, Event>,
  run: Run<Request, Event>,
  report: ErrorReporter,
  streams: OpenStreams,
  call: ServerWritableStream<Buffer, Buffer>,
): Promise<void> {
  const { controller, release } = cancellation(call);
  const { signal } = controller;
  const flow = new Flow(call, signal);
  try {
    streams.add(controller);
    const request = method.request.decode(call.request);
    for await (const event of run(request, incomingCall(call, signal))) {
      signal.throwIfAborted();
      await flow.send(method.response.encode(event));
      signal.throwIfAborted();
    }
    call.end();
  } catch (thrown) {
    const failure = answerFailure(signal.aborted ? signal.reason : thrown, method.path, report);
    if (!call.cancelled) call.emit("error", failure);
  } finally {
    release();
    streams.delete(controller);
  }
}

/**
 * Backpressure by bytes: what was written and has not left yet. grpc-js would take 16 messages of any
 * size before it asks its writer to wait.
 */
class Flow {
  readonly #call: ServerWritableStream<Buffer, Buffer>;
  readonly #signal: AbortSignal;
  #bytes = 0;
  #resume: (() => void) | undefined;

  constructor(call: ServerWritableStream<Buffer, Buffer>, signal: AbortSignal) {
    this.#call = call;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#resume?.(), { once: true });
  }

  /** Resolves once the client has taken enough of it for the next, or the call was ended. */
  async send(bytes: Buffer): Promise<void> {
    this.#bytes += bytes.length;
    this.#call.write(bytes, () => {
      this.#bytes -= bytes.length;
      this.#resume?.();
    });
    while (this.#bytes > limits.streamBufferBytesMax && !this.#signal.aborted) {
      await new Promise<void>((resolve) => (this.#resume = resolve));
    }
    this.#resume = undefined;
  }
}
