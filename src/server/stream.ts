import { Metadata, type handleServerStreamingCall, type ServerWritableStream } from "@grpc/grpc-js";

import { capDelay } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Call } from "../model/service.js";
import type { Method } from "../model/wire/methods.js";
import type { Caller } from "./access/access.js";
import type { Ending } from "./access/open-calls.js";
import { answerFailure } from "./failure.js";
import { Cancellation, IncomingCall } from "./incoming.js";
import type { Reception } from "./reception.js";
import type { ErrorReporter } from "./statuses.js";
import { requestIdKey } from "./telemetry/request-id.js";

type Run<Request, Event> = (request: Request, call: Call) => AsyncIterable<Event>;

/** The streams that are open: they are counted, and ended when they are old or the server closes, since they end by nothing else. */
export class OpenStreams {
  readonly #open = new Map<Ending, NodeJS.Timeout | undefined>();
  readonly #max: number;
  readonly #lifeMs: () => number;
  #closed = false;
  /** Bytes that were written to all of them and have not left yet. */
  bufferedBytes = 0;

  /** @param lifeMs how long the next one may live; Infinity: until somebody ends it */
  constructor(max: number, lifeMs: () => number = () => Infinity) {
    this.#max = max;
    this.#lifeMs = lifeMs;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws `overloaded`, `closed` */
  add(stream: Ending): void {
    if (this.#closed) throw stopping();
    if (this.#open.size >= this.#max) {
      throw new UsherError("overloaded", `${this.#max} watchers are connected, as many as may be: end one, or ask another server`);
    }
    const lifeMs = this.#lifeMs();
    this.#open.set(stream, lifeMs === Infinity ? undefined : setTimeout(() => stream.abort(old()), capDelay(lifeMs)).unref());
  }

  delete(stream: Ending): void {
    clearTimeout(this.#open.get(stream));
    this.#open.delete(stream);
  }

  /** Ends them, and takes no more. */
  drain(): void {
    this.#closed = true;
    for (const stream of this.#open.keys()) stream.abort(stopping());
  }
}

function stopping(): UsherError {
  return new UsherError("closed", "the server is stopping: resume after the last zookie when it is back");
}

function old(): UsherError {
  return new UsherError("closed", "the stream has lived as long as streams may: resume after the last zookie, at once");
}

/** A handler of one request with a stream of answers. */
export function streamHandler<Request, Event>(
  method: Method<Request, Event>,
  run: Run<Request, Event>,
  report: ErrorReporter,
  streams: OpenStreams,
  reception: Reception,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => void answer(method, run, report, streams, reception, call);
}

async function answer<Request, Event>(
  method: Method<Request, Event>,
  run: Run<Request, Event>,
  report: ErrorReporter,
  streams: OpenStreams,
  reception: Reception,
  call: ServerWritableStream<Buffer, Buffer>,
): Promise<void> {
  const cancellation = new Cancellation(call);
  const { signal } = cancellation;
  const flow = new Flow(call, signal, streams);
  const visit = reception.begin(method, call.metadata, true);
  let ended: unknown;
  let caller: Caller | undefined;
  try {
    const who = (caller = await reception.gate.enter(call, method, cancellation));
    const request = visit.admit(who, () => method.request.decode(call.request));
    streams.add(cancellation);
    const headers = new Metadata();
    headers.set(requestIdKey, visit.requestId);
    call.sendMetadata(headers);
    for await (const event of visit.run(() => run(request, new IncomingCall(who, cancellation)))) {
      signal.throwIfAborted();
      await flow.send(method.response.encode(event));
      signal.throwIfAborted();
    }
    call.end();
  } catch (thrown) {
    ended = signal.aborted ? signal.reason : thrown;
    const failure = answerFailure(ended, method.path, report);
    failure.metadata.set(requestIdKey, visit.requestId);
    if (!call.cancelled) call.emit("error", failure);
  } finally {
    caller?.release();
    cancellation.release();
    streams.delete(cancellation);
    flow.close();
    visit.end(ended);
  }
}

/**
 * Backpressure by bytes: what was written and has not left yet. grpc-js would take 16 messages of any
 * size before it asks its writer to wait.
 */
class Flow {
  readonly #call: ServerWritableStream<Buffer, Buffer>;
  readonly #signal: AbortSignal;
  readonly #streams: OpenStreams;
  #bytes = 0;
  #closed = false;
  #resume: (() => void) | undefined;

  constructor(call: ServerWritableStream<Buffer, Buffer>, signal: AbortSignal, streams: OpenStreams) {
    this.#call = call;
    this.#signal = signal;
    this.#streams = streams;
    signal.addEventListener("abort", () => this.#resume?.(), { once: true });
  }

  /** Resolves once the client has taken enough of it for the next, or the call was ended. */
  async send(bytes: Buffer): Promise<void> {
    this.#count(bytes.length);
    this.#call.write(bytes, () => {
      this.#count(-bytes.length);
      this.#resume?.();
    });
    while (this.#bytes > limits.streamBufferBytesMax && !this.#signal.aborted) {
      await new Promise<void>((resolve) => (this.#resume = resolve));
    }
    this.#resume = undefined;
  }

  /** What has not left will not be counted any more. */
  close(): void {
    this.#streams.bufferedBytes -= this.#bytes;
    this.#closed = true;
  }

  #count(bytes: number): void {
    if (this.#closed) return;
    this.#bytes += bytes;
    this.#streams.bufferedBytes += bytes;
  }
}
