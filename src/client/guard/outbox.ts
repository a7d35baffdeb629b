import { limits } from "../../base/limits.js";
import type { Context } from "../../model/context.js";
import type { Hold, HoldUse, LiveRequest, LookupHold } from "../../model/live.js";

interface Claims<Kind, Claim> {
  readonly kind: Kind;
  readonly claims: Map<number, Claim>;
  readonly max: number;
  bytes: number;
}

type Entry =
  | Claims<"hold", Hold>
  | Claims<"lookup", LookupHold>
  | { readonly kind: "release"; readonly ids: number[] }
  | { readonly kind: "uses"; readonly uses: HoldUse[]; bytes: number }
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
  readonly #unsent = new Map<number, Map<number, unknown>>();
  readonly #contexts = new Map<string, Entry & { kind: "setContext" }>();
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(port: OutboxPort) {
    this.#port = port;
  }

  /** @param bytes what it takes in a message, at most, estimated */
  hold(hold: Hold, bytes: number): void {
    let entry = this.#entries.at(-1);
    if (entry?.kind !== "hold" || isFull(entry, bytes)) {
      entry = { kind: "hold", claims: new Map(), max: limits.holdsPerMessageMax, bytes: 0 };
      this.#push(entry);
    }
    this.#claim(entry, hold, bytes);
  }

  /** The same of a lookup. */
  lookup(lookup: LookupHold, bytes: number): void {
    let entry = this.#entries.at(-1);
    if (entry?.kind !== "lookup" || isFull(entry, bytes)) {
      entry = { kind: "lookup", claims: new Map(), max: limits.lookupsPerStreamMax, bytes: 0 };
      this.#push(entry);
    }
    this.#claim(entry, lookup, bytes);
  }

  #claim<Claim extends { readonly id: number }>(entry: Claims<unknown, Claim>, claim: Claim, bytes: number): void {
    entry.claims.set(claim.id, claim);
    entry.bytes += bytes;
    this.#unsent.set(claim.id, entry.claims);
  }

  release(id: number): void {
    const unsent = this.#unsent.get(id);
    if (unsent !== undefined) {
      unsent.delete(id);
      this.#unsent.delete(id);
      return;
    }
    const last = this.#entries.at(-1);
    if (last?.kind === "release" && last.ids.length < limits.holdsPerMessageMax) last.ids.push(id);
    else this.#push({ kind: "release", ids: [id] });
  }

  uses(use: HoldUse): void {
    // No unit of a text takes more than three bytes.
    const bytes = 16 + 3 * (use.member?.length ?? 0);
    let last = this.#entries.at(-1);
    if (last?.kind !== "uses" || last.uses.length >= limits.holdsPerMessageMax || last.bytes + bytes > limits.holdsMessageBytesMax) {
      last = { kind: "uses", uses: [], bytes: 0 };
      this.#push(last);
    }
    last.uses.push(use);
    last.bytes += bytes;
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
      if (entry.kind === "uses") return { kind: "uses", uses: entry.uses };
      if (entry.kind !== "hold" && entry.kind !== "lookup") return entry;
      for (const id of entry.claims.keys()) this.#unsent.delete(id);
      if (entry.claims.size === 0) continue;
      return entry.kind === "hold" ? { kind: "hold", holds: [...entry.claims.values()] } : { kind: "lookup", lookups: [...entry.claims.values()] };
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

function isFull({ claims, max, bytes: taken }: Claims<unknown, unknown>, bytes: number): boolean {
  return claims.size >= max || taken + bytes > limits.holdsMessageBytesMax;
}
