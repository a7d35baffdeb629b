import { limits } from "../../base/limits.js";
import type { Context } from "../../model/context.js";
import type { Hold, LiveRequest } from "../../model/live.js";

type Entry =
  | { readonly kind: "hold"; readonly holds: Map<number, Hold>; bytes: number }
  | { readonly kind: "release"; readonly ids: number[] }
  | { readonly kind: "setContext"; readonly name: string; context: Context }
  | { readonly kind: "ping"; readonly sequence: number }
  | { readonly kind: "acknowledge"; readonly zookie: string };

/** What an outbox needs of its stream. */
export interface OutboxPort {
  /** The next place among all pings of the guard. */
  nextSequence(): number;
  /** A ping leaves now: notes when, and gives it a nonce. */
  sending(sequence: number): string;
  /** As much waits as may. */
  overflowed(): void;
}

/**
 * What a stream has to say, in order, as the server takes it. What is asked in one go is one message; what was asked and released before it left
 * is none; of a context that was set twice the last remains. So a server that does not read makes it no longer than what is held, but for
 * acknowledgements and pings, and those are bounded.
 */
export class Outbox implements AsyncIterable<LiveRequest> {
  readonly #port: OutboxPort;
  readonly #entries: Entry[] = [];
  readonly #unsent = new Map<number, Entry & { kind: "hold" }>();
  readonly #contexts = new Map<string, Entry & { kind: "setContext" }>();
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(port: OutboxPort) {
    this.#port = port;
  }

  /** @param bytes what it takes in a message, at most, estimated */
  hold(hold: Hold, bytes: number): void {
    let entry = this.#entries.at(-1);
    if (entry?.kind !== "hold" || entry.holds.size >= limits.holdsPerMessageMax || entry.bytes + bytes > limits.holdsMessageBytesMax) {
      entry = { kind: "hold", holds: new Map(), bytes: 0 };
      this.#push(entry);
    }
    entry.holds.set(hold.id, hold);
    entry.bytes += bytes;
    this.#unsent.set(hold.id, entry);
  }

  release(id: number): void {
    const unsent = this.#unsent.get(id);
    if (unsent !== undefined) {
      unsent.holds.delete(id);
      this.#unsent.delete(id);
      return;
    }
    const last = this.#entries.at(-1);
    if (last?.kind === "release" && last.ids.length < limits.holdsPerMessageMax) last.ids.push(id);
    else this.#push({ kind: "release", ids: [id] });
  }

  setContext(name: string, context: Context): void {
    const unsent = this.#contexts.get(name);
    if (unsent !== undefined) {
      unsent.context = context;
      return;
    }
    const entry: Entry & { kind: "setContext" } = { kind: "setContext", name, context };
    this.#contexts.set(name, entry);
    this.#push(entry);
  }

  /** A ping behind all that waits. Returns its place among all pings of the guard. */
  ping(): number {
    const last = this.#entries.at(-1);
    if (last?.kind === "ping") return last.sequence;
    const sequence = this.#port.nextSequence();
    this.#push({ kind: "ping", sequence });
    return sequence;
  }

  acknowledge(zookie: string): void {
    this.#push({ kind: "acknowledge", zookie });
  }

  /** Nothing more is sent. */
  end(): void {
    this.#ended = true;
    this.#entries.length = 0;
    this.#unsent.clear();
    this.#contexts.clear();
    this.#wake?.();
  }

  /** Consumed once: by the service. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LiveRequest, void> {
    while (!this.#ended) {
      const request = this.#next();
      if (request !== undefined) yield request;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #next(): LiveRequest | undefined {
    for (let entry = this.#entries.shift(); entry !== undefined; entry = this.#entries.shift()) {
      if (entry.kind === "ping") return { kind: "ping", nonce: this.#port.sending(entry.sequence) };
      if (entry.kind === "setContext") this.#contexts.delete(entry.name);
      if (entry.kind !== "hold") return entry;
      for (const id of entry.holds.keys()) this.#unsent.delete(id);
      if (entry.holds.size > 0) return { kind: "hold", holds: [...entry.holds.values()] };
    }
    return undefined;
  }

  #push(entry: Entry): void {
    if (this.#ended) return;
    this.#entries.push(entry);
    if (this.#entries.length > limits.liveOutboxMessagesMax) this.#port.overflowed();
    this.#wake?.();
  }
}
