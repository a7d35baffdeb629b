import type { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";

import { assert } from "../base/assert.js";
import { limits } from "../base/limits.js";
import type { Converter } from "../model/wire/methods.js";
import type { Cancellation } from "./incoming.js";

/**
 * The requests of a stream that is answered by a stream, each read when it is asked for. The iterator of Node.js is not used: it
 * would end the answers with the requests, and could not be returned while it waits. A stream that broke off never looks like one that ended.
 */
export class Requests<Request> implements AsyncIterableIterator<Request> {
  readonly #call: Readable;
  readonly #converter: Pick<Converter<Request>, "decode">;
  readonly #cancellation: Cancellation;
  readonly #wake = () => this.#resume?.();
  #resume: (() => void) | undefined;
  #closed = false;

  constructor(call: Readable, converter: Pick<Converter<Request>, "decode">, cancellation: Cancellation) {
    this.#call = call;
    this.#converter = converter;
    this.#cancellation = cancellation;
    call.on("readable", this.#wake);
    call.on("end", this.#wake);
    cancellation.signal.addEventListener("abort", this.#wake);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** One at a time. @throws what the request's converter throws, which ends the call; the reason for which the call was ended */
  async next(): Promise<IteratorResult<Request, void>> {
    assert(this.#resume === undefined, "requests must be asked for one after the other");
    for (;;) {
      this.#cancellation.throwIfAborted();
      if (this.#closed) return { done: true, value: undefined };
      const bytes = this.#call.read() as Buffer | null;
      if (bytes !== null) return { done: false, value: this.#decode(bytes) };
      if (this.#call.readableEnded) return this.#ended();
      await new Promise<void>((resolve) => (this.#resume = resolve));
      this.#resume = undefined;
    }
  }

  async return(): Promise<IteratorResult<Request, void>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Whoever waits for the next is told that there is none. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#call.off("readable", this.#wake);
    this.#call.off("end", this.#wake);
    this.#cancellation.signal.removeEventListener("abort", this.#wake);
    this.#wake();
  }

  /**
   * HTTP/2 says of a stream that was reset first that its data have ended, and a few ticks later that it was reset. An end lets go of what was held and
   * a break does not, so that in doubt it is waited for.
   */
  async #ended(): Promise<IteratorResult<Request, void>> {
    await setTimeout(limits.requestsEndMs);
    this.#cancellation.throwIfAborted();
    return { done: true, value: undefined };
  }

  #decode(bytes: Buffer): Request {
    try {
      return this.#converter.decode(bytes);
    } catch (thrown) {
      this.#cancellation.abort(thrown);
      throw thrown;
    }
  }
}
