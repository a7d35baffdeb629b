import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Ending } from "./access/open-calls.js";

/**
 * The streams of messages that clients send. The store takes a bounded number of imports, from all tenants together; so no tenant may have
 * all of them open, and none may be held open by a client that sends nothing more.
 */
export class Uploads {
  readonly #idleMs: number;
  readonly #open = new Map<string, number>();

  /** @param idleMs how long the next message may take to come */
  constructor(idleMs: number = limits.uploadIdleMs) {
    this.#idleMs = idleMs;
  }

  /** Counts one of the tenant's, until the function that it returns is called. @throws `overloaded` */
  add(tenant: string): () => void {
    const count = this.#open.get(tenant) ?? 0;
    if (count >= limits.importsPerTenantMax) {
      throw new UsherError("overloaded", `${count} imports of the tenant are under way, as many as may be: retry when one has ended`);
    }
    this.#open.set(tenant, count + 1);
    return () => {
      const left = (this.#open.get(tenant) ?? 1) - 1;
      if (left > 0) this.#open.set(tenant, left);
      else this.#open.delete(tenant);
    };
  }

  /** The same messages. Only while the client is waited for does its time run. @param ending ends the call when it is over */
  async *timed<Message>(messages: AsyncIterable<Message>, ending: Ending): AsyncGenerator<Message, void> {
    const iterator = messages[Symbol.asyncIterator]();
    const late = () => ending.abort(new UsherError("deadline_exceeded", `the next message did not come within ${this.#idleMs / 1_000} s: send what is left, or end the stream`));
    try {
      for (;;) {
        const timer = setTimeout(late, this.#idleMs);
        const next = await iterator.next().finally(() => clearTimeout(timer));
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
}
