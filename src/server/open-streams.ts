import { capDelay } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import type { Ending } from "./access/open-calls.js";

/** What streams of a kind are called, and how a client goes on when one of them was ended. */
export interface StreamWords {
  /** `watchers` */
  readonly streams: string;
  /** `resume after the last zookie` */
  readonly resume: string;
}

/** The streams that are open: they are counted, and ended when they are old or the server closes, since they end by nothing else. */
export class OpenStreams {
  readonly #open = new Map<Ending, NodeJS.Timeout | undefined>();
  readonly #words: StreamWords;
  readonly #max: number;
  readonly #lifeMs: () => number;
  #closed = false;
  /** Bytes that were written to all of them and have not left yet. */
  bufferedBytes = 0;

  /** @param lifeMs how long the next one may live; Infinity: until somebody ends it */
  constructor(words: StreamWords, max: number, lifeMs: () => number = () => Infinity) {
    this.#words = words;
    this.#max = max;
    this.#lifeMs = lifeMs;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws `overloaded`, `closed` */
  add(stream: Ending): void {
    if (this.#closed) throw this.#stopping();
    if (this.#open.size >= this.#max) {
      throw new UsherError("overloaded", `${this.#max} ${this.#words.streams} are connected, as many as may be: end one, or ask another server`);
    }
    const lifeMs = this.#lifeMs();
    this.#open.set(stream, lifeMs === Infinity ? undefined : setTimeout(() => stream.abort(this.#old()), capDelay(lifeMs)).unref());
  }

  delete(stream: Ending): void {
    clearTimeout(this.#open.get(stream));
    this.#open.delete(stream);
  }

  /** Ends them, and takes no more. */
  drain(): void {
    this.#closed = true;
    for (const stream of this.#open.keys()) stream.abort(this.#stopping());
  }

  #stopping(): UsherError {
    return new UsherError("closed", `the server is stopping: ${this.#words.resume} when it is back`);
  }

  #old(): UsherError {
    return new UsherError("closed", `the stream has lived as long as streams may: ${this.#words.resume}, at once`);
  }
}
