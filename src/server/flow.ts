import type { Writable } from "node:stream";

import { limits } from "../base/limits.js";
import type { OpenStreams } from "./open-streams.js";

/**
 * Backpressure by bytes: what was written and has not left yet. grpc-js would take 16 messages of any
 * size before it asks its writer to wait.
 */
export class Flow {
  readonly #call: Pick<Writable, "write">;
  readonly #signal: AbortSignal;
  readonly #streams: OpenStreams;
  #bytes = 0;
  #closed = false;
  #resume: (() => void) | undefined;

  constructor(call: Pick<Writable, "write">, signal: AbortSignal, streams: OpenStreams) {
    this.#call = call;
    this.#signal = signal;
    this.#streams = streams;
    signal.addEventListener("abort", () => this.#resume?.(), { once: true });
  }

  /** Resolves once the client has taken enough of it for the next, or the call was ended. */
  async send(bytes: Buffer): Promise<void> {
    this.write(bytes);
    while (this.#bytes > limits.streamBufferBytesMax && !this.#signal.aborted) {
      await new Promise<void>((resolve) => (this.#resume = resolve));
    }
    this.#resume = undefined;
  }

  /** For what is the last, and must not wait. */
  write(bytes: Buffer): void {
    this.#count(bytes.length);
    this.#call.write(bytes, () => {
      this.#count(-bytes.length);
      this.#resume?.();
    });
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
