import type { ServerResponse } from "node:http";

import type { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { Flow } from "../flow.js";
import type { OpenStreams } from "../open-streams.js";
import { requestIdKey } from "../telemetry/request-id.js";
import type { StreamRoute } from "./adapter.js";
import type { Exchange } from "./exchange.js";

export interface StreamAnswer<Request> {
  readonly route: StreamRoute<Request>;
  readonly exchange: Exchange;
  readonly response: ServerResponse;
  readonly streams: OpenStreams;
  /** Called when the answer begins: from then on nobody else may write one. */
  readonly begin: () => void;
  /** As a client may see it. */
  readonly visible: (thrown: unknown) => UsherError;
}

/**
 * Answers a request with a stream: each piece is sent once the client has taken enough of those before. What fails before the first piece, within
 * `limits.streamOpenMs`, rejects, so that it is answered with a status; later an error is the last piece. The iterator is returned however it ends.
 */
export async function answerEvents<Request>(answer: StreamAnswer<Request>, read: () => Request): Promise<void> {
  const { route, exchange, response, streams } = answer;
  const { cancellation } = exchange;
  const request = exchange.admit(read);
  streams.add(cancellation);
  const flow = new Flow(response, cancellation.signal, streams);
  let pieces: AsyncIterator<string> | undefined;
  try {
    pieces = exchange.run((call) => route.stream(request, call))[Symbol.asyncIterator]();
    const first = pieces.next();
    await settled(first, limits.streamOpenMs);
    answer.begin();
    await send(answer, pieces, first, flow);
    exchange.end();
  } finally {
    streams.delete(cancellation);
    flow.close();
    await pieces?.return?.();
  }
}

async function send<Request>({ route, exchange, response, visible }: StreamAnswer<Request>, pieces: AsyncIterator<string>, first: Promise<IteratorResult<string>>, flow: Flow): Promise<void> {
  response.writeHead(200, { "content-type": route.contentType, "cache-control": "no-store", "x-accel-buffering": "no", connection: "close", [requestIdKey]: exchange.requestId });
  response.flushHeaders();
  const { signal } = exchange.cancellation;
  try {
    if (route.preface !== undefined) await flow.send(Buffer.from(route.preface));
    for (let next = await first; next.done !== true; next = await pieces.next()) {
      signal.throwIfAborted();
      await flow.send(Buffer.from(next.value));
      signal.throwIfAborted();
    }
  } catch (thrown) {
    const ended = exchange.reasonOf(thrown);
    if (!response.writableEnded) response.write(route.ending(visible(ended)));
    exchange.end(ended);
  }
  response.end();
}

/** Resolves when the promise has, or after so long; rejects as it does. */
function settled(promise: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    promise.then(() => resolve(), reject).finally(() => clearTimeout(timer));
  });
}
