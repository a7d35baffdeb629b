import { capDelay } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { LiveResponse } from "../../model/live.js";
import { LiveConnection, type ConnectionListener, type ConnectionPort } from "./live-connection.js";

/** What a link tells. */
export interface LinkListener {
  /** A stream takes the place of the one before, of which nothing is heard from now on. */
  connected(connection: LiveConnection): void;
  disconnected(error: UsherError): void;
  heard(connection: LiveConnection, response: LiveResponse): void;
}

export interface LinkPort extends ConnectionPort {
  readonly leaseMs: number;
  readonly random: () => number;
}

/**
 * Keeps a stream open: opens another when one breaks, after a delay that grows and is spread, so that the clients of a server do not come back all at
 * once; and when the server says that it is going, before it has gone. Until the new stream is open the old one serves.
 *
 * The streams never overlap in what they say: from the moment at which the new one is told what is held, the old one is not listened to. Else
 * a flip of the old one could change an answer after it was presented, and the new one, which compares with what was presented, would
 * not say that it has become otherwise again.
 */
export class Link {
  readonly #port: LinkPort;
  readonly #listener: LinkListener;
  #current: LiveConnection | undefined;
  #next: LiveConnection | undefined;
  #stream: string | undefined;
  #failures = 0;
  #lastError: UsherError | undefined;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(port: LinkPort, listener: LinkListener) {
    this.#port = port;
    this.#listener = listener;
  }

  get connection(): LiveConnection | undefined {
    return this.#current;
  }

  /** Why there is no stream; undefined: there is, or the first one was not opened yet. */
  get lastError(): UsherError | undefined {
    return this.#lastError;
  }

  /** Opens a stream, beside the one that there may be, which then takes its place. */
  connect(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#closed || this.#next !== undefined) return;
    const connection = new LiveConnection(this.#port, this.#connectionListener);
    this.#next = connection;
    const cancelTimer = this.#port.time.after(limits.callMsDefault, () => {
      if (connection.stream === undefined) connection.fail(new UsherError("deadline_exceeded", `the server did not open the live stream within ${limits.callMsDefault} ms`));
    });
    void connection.run({ kind: "open", leaseMs: this.#port.leaseMs, ...(this.#stream === undefined ? {} : { resumeStream: this.#stream }) }).then(cancelTimer);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#current?.abandon();
    this.#next?.abandon();
    this.#current = undefined;
    this.#next = undefined;
  }

  readonly #connectionListener: ConnectionListener = {
    opened: (connection) => {
      this.#current?.abandon();
      this.#current = connection;
      this.#next = undefined;
      this.#stream = connection.stream;
      this.#lastError = undefined;
      this.#listener.connected(connection);
    },
    heard: (connection, response) => {
      // A server that opens streams and ends them at once is not asked again at once.
      if (response.kind === "checkpoint") this.#failures = 0;
      if (response.kind !== "draining") this.#listener.heard(connection, response);
      else if (this.#next === undefined) this.#connectAfter(Number.isFinite(response.reconnectAfterMs) ? response.reconnectAfterMs : 0);
    },
    ended: (connection, error) => {
      const wasCurrent = connection === this.#current;
      if (wasCurrent) this.#current = undefined;
      else this.#next = undefined;
      if (this.#current === undefined) this.#lastError = error;
      if (this.#next === undefined && this.#cancelTimer === undefined) this.#connectAfter(this.#backoff());
      if (wasCurrent) this.#listener.disconnected(error);
    },
  };

  /** Full jitter: anything from nothing to a bound that doubles. */
  #backoff(): number {
    const bound = Math.min(limits.reconnectMsMax, limits.reconnectMsMin * 2 ** Math.min(this.#failures++, 16));
    return this.#port.random() * bound;
  }

  #connectAfter(ms: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#port.time.after(capDelay(ms), () => this.connect());
  }
}
