import type { ClientWritableStream } from "@grpc/grpc-js";

/**
 * Sends messages one after the other, and waits where the other side is slow, until all are sent or the call has been answered,
 * which may be before. Where the messages themselves fail the call is cancelled.
 */
export async function upload(stream: ClientWritableStream<Buffer>, messages: AsyncIterable<Buffer>, answered: AbortSignal): Promise<void> {
  try {
    for await (const bytes of messages) {
      if (answered.aborted) return;
      if (!stream.write(bytes)) await drained(stream, answered);
      if (answered.aborted) return;
    }
    stream.end();
  } catch (thrown) {
    stream.cancel();
    throw thrown;
  }
}

function drained(stream: ClientWritableStream<Buffer>, answered: AbortSignal): Promise<void> {
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
