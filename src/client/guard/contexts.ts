import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Context } from "../../model/context.js";
import type { LiveConnection } from "./live-connection.js";

interface Waiter {
  /** The ping whose checkpoint covers what it waits for; undefined: there is no stream to ask. */
  sequence: number | undefined;
  readonly done: () => void;
  readonly fail: (why: UsherError) => void;
}

/** The contexts that holds name. Each stream is told all of them before it is told of holds. */
export class Contexts {
  readonly #contexts = new Map<string, Context>();
  readonly #waiters = new Set<Waiter>();

  /** Resolves once a checkpoint has said that all that followed from it has been heard. @throws `overloaded` */
  set(name: string, context: Context, connection: LiveConnection | undefined): Promise<void> {
    if (!this.#contexts.has(name) && this.#contexts.size >= limits.contextsPerStreamMax) {
      throw new UsherError("overloaded", `the guard has ${limits.contextsPerStreamMax} contexts, as many as may be: set one of those anew`);
    }
    this.#contexts.set(name, context);
    connection?.outbox.setContext(name, context);
    return new Promise((done, fail) => this.#waiters.add({ sequence: connection?.outbox.ping(), done, fail }));
  }

  /** Tells a new stream of all of them. */
  present({ outbox }: LiveConnection): void {
    for (const [name, context] of this.#contexts) outbox.setContext(name, context);
  }

  /** What waited for an earlier stream waits for this ping, which follows what was presented. */
  awaitPing(sequence: number): void {
    for (const waiter of this.#waiters) waiter.sequence = sequence;
  }

  /** A checkpoint has answered a ping. */
  covered(sequence: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.sequence === undefined || waiter.sequence > sequence) continue;
      this.#waiters.delete(waiter);
      waiter.done();
    }
  }

  /** They wait for nothing any more. */
  close(why: UsherError): void {
    for (const { fail } of this.#waiters) fail(why);
    this.#waiters.clear();
  }
}
