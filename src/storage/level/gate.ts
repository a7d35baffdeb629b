import { assert } from "../../base/assert.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";

interface Waiting {
  readonly start: () => void;
}

/**
 * Through here passes every read: at most `limits.readBatchesInFlightMax` at a time over the whole
 * store, first come first served, so that of LevelDB's four threads one is always free for a commit.
 * While it is held shut (the handle is being replaced) reads wait; those under way are waited for.
 */
export class ReadGate {
  #running = 0;
  #shut = false;
  #closed: UsherError | undefined;
  #waiting: Waiting[] = [];
  #idle: (() => void) | undefined;

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** @throws `cancelled`, `closed`, and whatever the task throws */
  async run<Result>(task: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    await this.#enter(signal);
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  /** Resolves once no read is under way; those that come wait for `open`. */
  async shut(): Promise<void> {
    assert(!this.#shut, "the gate is shut by one at a time");
    this.#shut = true;
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  open(): void {
    this.#shut = false;
    this.#admit();
  }

  /** Reads that wait, and those that come, fail with the error. */
  close(error: UsherError): void {
    this.#closed = error;
    this.#shut = false;
    this.#admit();
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    throwIfAborted(signal);
    if (this.#shut || this.#running >= limits.readBatchesInFlightMax) await this.#wait(signal);
    else this.#running++;
    if (this.#closed === undefined) return;
    this.#leave();
    throw this.#closed;
  }

  /** Who is let in has been counted as running by whoever let it in. */
  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        reject(cancelled());
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #leave(): void {
    this.#running--;
    this.#admit();
    if (this.#running === 0) {
      this.#idle?.();
      this.#idle = undefined;
    }
  }

  #admit(): void {
    while (!this.#shut && this.#running < limits.readBatchesInFlightMax) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running++;
      next.start();
    }
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}

function cancelled(): UsherError {
  return new UsherError("cancelled", "the caller cancelled the read");
}
