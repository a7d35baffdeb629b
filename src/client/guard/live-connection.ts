import { randomUUID } from "node:crypto";

import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { LiveRequest, LiveResponse } from "../../model/live.js";
import type { Call, Service } from "../../model/service.js";
import type { GuardTime } from "./guard-time.js";
import type { Ping } from "./lease-keeper.js";
import { Outbox } from "./outbox.js";

export type OpenRequest = Extract<LiveRequest, { readonly kind: "open" }>;

/** What a connection tells. After `ended`, or once it was abandoned, nothing. */
export interface ConnectionListener {
  opened(connection: LiveConnection): void;
  heard(connection: LiveConnection, response: LiveResponse): void;
  ended(connection: LiveConnection, error: UsherError): void;
}

/** What connections of one guard have in common. */
export interface ConnectionPort {
  readonly service: Pick<Service, "live">;
  readonly call: Call;
  readonly time: GuardTime;
  nextSequence(): number;
}

/** One live stream, from its opening to its end. */
export class LiveConnection {
  readonly outbox: Outbox;
  readonly #port: ConnectionPort;
  readonly #listener: ConnectionListener;
  readonly #abort = new AbortController();
  /** Pings that no checkpoint has answered, under their nonces, in the order in which they were sent. */
  readonly #pings = new Map<string, Ping>();
  #stream: string | undefined;
  #leaseMs = 0;
  #over = false;

  constructor(port: ConnectionPort, listener: ConnectionListener) {
    this.#port = port;
    this.#listener = listener;
    this.outbox = new Outbox({
      nextSequence: () => port.nextSequence(),
      sending: (sequence) => this.#sending(sequence),
      overflowed: () => this.fail(new UsherError("overloaded", "the server does not read what the guard sends: the stream is opened anew")),
    });
  }

  /** The server's name of it, once it is open. */
  get stream(): string | undefined {
    return this.#stream;
  }

  /** What was granted of the lease that was asked for. */
  get leaseMs(): number {
    return this.#leaseMs;
  }

  /** Runs until the stream has ended, or was abandoned; it never rejects. */
  async run(open: OpenRequest): Promise<void> {
    const { service, call } = this.#port;
    try {
      for await (const response of service.live(this.#requests(open), { ...call, signal: this.#abort.signal })) {
        if (this.#over) return;
        this.#hear(response);
      }
      this.fail(new UsherError("server_unreachable", "the server has ended the live stream"));
    } catch (thrown) {
      this.fail(thrown instanceof UsherError ? thrown : new UsherError("internal", "the live stream has failed", { cause: asError(thrown) }));
    }
  }

  /** The ping of a nonce, and none that was sent before it, is answered by this; unknown: of no ping, or of one that was answered. */
  answer(nonce: string): Ping | undefined {
    const answered = this.#pings.get(nonce);
    if (answered === undefined) return undefined;
    for (const [sent, { sequence }] of this.#pings) if (sequence <= answered.sequence) this.#pings.delete(sent);
    return answered;
  }

  /** Nothing more is sent, and nothing of it is heard. */
  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.outbox.end();
    this.#abort.abort(new UsherError("cancelled", "the guard has left this live stream"));
  }

  /** Ends it, and says so. */
  fail(error: UsherError): void {
    if (this.#over) return;
    this.abandon();
    this.#listener.ended(this, error);
  }

  async *#requests(open: OpenRequest): AsyncGenerator<LiveRequest, void> {
    yield open;
    yield* this.outbox;
  }

  #hear(response: LiveResponse): void {
    if (response.kind !== "opened") {
      if (this.#stream !== undefined) return this.#listener.heard(this, response);
      throw new UsherError("internal", `the server began the live stream with \`${response.kind}\` instead of opening it`);
    }
    if (this.#stream !== undefined) throw new UsherError("internal", "the server opened the live stream twice");
    this.#stream = response.stream;
    this.#leaseMs = response.leaseMs;
    this.#listener.opened(this);
  }

  #sending(sequence: number): string {
    const { time } = this.#port;
    const nonce = randomUUID();
    this.#pings.set(nonce, { sequence, monotonicMs: time.monotonicMs(), wallMs: time.wallMs() });
    for (const oldest of this.#pings.keys()) {
      if (this.#pings.size <= limits.pingsUnansweredMax) break;
      this.#pings.delete(oldest);
    }
    return nonce;
  }
}
