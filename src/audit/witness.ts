import { setTimeout as sleep } from "node:timers/promises";

import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { quote } from "../model/object.js";

export interface WitnessOptions {
  /** `http:` or `https:`. */
  readonly url: string;
  /** Told of each checkpoint that was not taken in the end. */
  readonly onFailure: (error: Error) => void;
  /** Of the first pause between attempts, which doubles up to `limits.witnessDelayMsMax`. Default: `limits.witnessDelayMsMin`. */
  readonly delayMs?: number;
  /** How long one attempt may take. Default: `limits.witnessMs`. */
  readonly timeoutMs?: number;
}

/**
 * Gives each checkpoint to somebody outside, by a POST of its text, so that the log cannot be rewritten later without that showing. One at a time: of
 * those that come meanwhile only the newest is sent, which vouches for all before it. Nobody waits for a witness.
 */
export class Witness {
  readonly #options: Required<WitnessOptions>;
  readonly #closing = new AbortController();
  #next: string | undefined;
  #sending: Promise<void> | undefined;

  /** @throws `invalid_configuration` for what is no such URL */
  constructor(options: WitnessOptions) {
    checkWitnessUrl(options.url);
    this.#options = { delayMs: limits.witnessDelayMsMin, timeoutMs: limits.witnessMs, ...options };
  }

  /** Returns at once. */
  send(checkpoint: string): void {
    if (this.#closing.signal.aborted) return;
    this.#next = checkpoint;
    this.#sending ??= this.#sendAll();
  }

  /** Waits for what is being sent, at most so long; then gives up. */
  async close(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.#closing.abort(), withinMs);
    try {
      await this.#sending;
    } finally {
      clearTimeout(timer);
      this.#closing.abort();
    }
  }

  async #sendAll(): Promise<void> {
    while (this.#next !== undefined && !this.#closing.signal.aborted) {
      const checkpoint = this.#next;
      this.#next = undefined;
      const error = await this.#attempts(checkpoint);
      if (error !== undefined) this.#options.onFailure(error);
    }
    this.#sending = undefined;
  }

  /** Ends early where a newer one waits. Resolves to why it was not taken. */
  async #attempts(checkpoint: string): Promise<Error | undefined> {
    const { url, delayMs } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const why = await this.#post(checkpoint);
      if (why === undefined) return undefined;
      if (attempt === limits.witnessAttemptsMax || this.#next !== undefined || this.#closing.signal.aborted) {
        return new UsherError("server_unreachable", `the witness ${quote(url)} has not taken a checkpoint, tried ${attempt} times: ${why}`, { details: { url } });
      }
      await sleep(pauseAfter(attempt, delayMs), undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
    }
  }

  /** Resolves to why it was not taken. */
  async #post(checkpoint: string): Promise<string | undefined> {
    const { url, timeoutMs } = this.#options;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      // Whoever answers with another address is not the one who was named.
      const response = await fetch(url, { method: "POST", body: checkpoint, headers: { "content-type": "text/plain; charset=utf-8" }, redirect: "error", signal });
      await response.body?.cancel();
      return response.ok ? undefined : `it answered ${response.status}`;
    } catch (thrown) {
      const error = asError(thrown);
      return error.cause === undefined ? error.message : asError(error.cause).message;
    }
  }
}

/** In milliseconds. @param attempt that failed, from 1 */
export function pauseAfter(attempt: number, firstMs: number): number {
  return Math.min(firstMs * 2 ** (attempt - 1), limits.witnessDelayMsMax);
}

/** @throws `invalid_configuration` */
export function checkWitnessUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return;
  throw new UsherError("invalid_configuration", `${quote(text)} is no address of a witness: give a URL that begins with \`https://\` or \`http://\``);
}
