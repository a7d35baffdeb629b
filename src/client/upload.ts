import type { ClientDuplexStream, ClientWritableStream } from "@grpc/grpc-js";

import { onAbort } from "../base/abort.js";

/** A call whose client sends messages. */
type Sending = ClientWritableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>;

/**
 * Sends messages one after the other, and waits where the other side is slow, until all are sent or the call has been answered,
 * which may be before. Where the messages themselves fail the call is cancelled.
 */
export async function upload(stream: Sending, messages: AsyncIterable<Buffer>, answered: AbortSignal): Promise<void> {
  try {
    for await (const bytes of messages) {
      if (answered.aborted) return;
      if (!stream.write(bytes)) await drained(stream, answered);
      if (answered.aborted) return;
    }
    if (!answered.aborted) stream.end();
  } catch (thrown) {
    stream.cancel();
    throw thrown;
  }
}

/**
 * The same messages, until they end or `over` aborts. Then they are returned, and not waited for: a generator that waits for something
 * answers to its return only after that.
 */
export async function* untilOver<Message>(messages: AsyncIterable<Message>, over: AbortSignal): AsyncGenerator<Message, void> {
  const iterator = messages[Symbol.asyncIterator]();
  let stop = ignore;
  const forget = onAbort(over, () => stop());
  try {
    while (!over.aborted) {
      const next = await new Promise<IteratorResult<Message> | undefined>((resolve, reject) => {
        stop = () => resolve(undefined);
        iterator.next().then(resolve, reject);
      });
      if (next === undefined || next.done === true) return;
      yield next.value;
    }
  } finally {
    forget();
    iterator.return?.().then(ignore, ignore);
  }
}

function ignore(): void {
  // Nobody waits for it.
}

function drained(stream: Sending, answered: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      stream.off("drain", go);
      answered.removeEventListener("abort", go);
      resolve();
    };
    if (answered.aborted) return go();
    stream.on("drain", go);
    answered.addEventListener("abort", go);
  });
}
