import { capDelay, type Clock, type Instant } from "../../base/clock.js";
import type { UsherError } from "../../base/errors.js";
import type { KeyEntry } from "./key-entry.js";

/** By which the server ends a call before its answer. */
export interface Ending {
  abort(reason: unknown): void;
}

/** A call that was let in and has not ended. */
export interface OpenCall {
  readonly entry: KeyEntry;
  readonly ending: Ending;
  /** When what let it in expires: the key, or the certificate. */
  readonly until?: Instant;
}

/** The calls under way, so that each ends with what let it in: when its key is revoked, or expires. */
export class OpenCalls {
  readonly #open = new Set<OpenCall>();
  readonly #clock: Clock;
  readonly #expired: (entry: KeyEntry) => UsherError;

  constructor(clock: Clock, expired: (entry: KeyEntry) => UsherError) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Until released, which its handler does however the call ends. */
  add(call: OpenCall): () => void {
    this.#open.add(call);
    let timer: NodeJS.Timeout | undefined;
    const { until } = call;
    if (until !== undefined) {
      const wait = () => {
        const left = until - this.#clock.now();
        if (left <= 0) call.ending.abort(this.#expired(call.entry));
        else timer = setTimeout(wait, capDelay(left)).unref();
      };
      wait();
    }
    return () => {
      clearTimeout(timer);
      this.#open.delete(call);
    };
  }

  /** Ends those whose entry no longer stands, with the error that is told for it. */
  end(errorFor: (entry: KeyEntry) => UsherError | undefined): void {
    for (const { entry, ending } of this.#open) {
      const error = errorFor(entry);
      if (error !== undefined) ending.abort(error);
    }
  }
}
