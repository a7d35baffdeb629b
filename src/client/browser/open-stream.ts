import type { ServerResponse } from "node:http";

import { throwIfAborted } from "../../base/abort.js";
import type { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { formatObject } from "../../model/object.js";
import type { Guard } from "../guard/guard.js";
import type { GuardTime } from "../guard/guard-time.js";
import type { LiveToken } from "./live-tokens.js";
import { StandingAnswer } from "./standing-answer.js";

export interface StreamPort {
  readonly guard: Guard;
  readonly time: GuardTime;
  /** For how long a browser trusts what it was told. */
  readonly leaseMs: number;
  /** For how long a stream goes on after its token has expired. */
  readonly graceMs: number;
}

/** Leases in one lease: two may be late before it ends. */
const beatsPerLease = 3;

/**
 * One browser's stream.
 *
 *     event: permissions
 *     data: {"permissions":[{"object":"node:n1","permission":"restart","allowed":true}],"renewMs":60000}
 *
 *     event: lease
 *     data: {"at":12,"ms":10000}
 *
 *     event: change
 *     data: {"object":"node:n1","permission":"restart","allowed":false}
 *
 * A lease says: what was told before this is trusted until `at + ms` after the browser *sent its request*. `at` is counted from when the request
 * came, which was no sooner; so a proxy that keeps what passes it makes no lease longer.
 */
export class OpenStream {
  readonly answers: readonly StandingAnswer[];
  readonly #port: StreamPort;
  readonly #response: ServerResponse;
  readonly #closing = new AbortController();
  readonly #openedMs: number;
  readonly #renewMs: number;
  #isOpen = false;
  #cancelTimer: () => void = () => undefined;

  constructor(port: StreamPort, response: ServerResponse, { subject, questions, remainingMs }: LiveToken) {
    this.#port = port;
    this.#response = response;
    this.#openedMs = port.time.monotonicMs();
    this.#renewMs = remainingMs;
    const { guard } = port;
    this.answers = questions.map((question) => new StandingAnswer(guard, { ...question, subject }, this.#closing.signal, (answer) => this.#changed(answer)));
  }

  /** Answers once everything is known. @throws where the guard has no lease, or this was closed, before anything was sent */
  async open(): Promise<void> {
    await this.#port.guard.ready({ timeoutMs: limits.browserReadyMs, signal: this.#closing.signal });
    await Promise.all(this.answers.map((answer) => answer.ask()));
    throwIfAborted(this.#closing.signal);
    this.#response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store, no-transform", "x-accel-buffering": "no" });
    this.#send("permissions", { permissions: this.answers.map(said), renewMs: this.#renewMs });
    this.#isOpen = true;
    this.#beat();
  }

  /** Everything is given back; again does nothing. @param why what `open` throws, if it has not answered yet */
  close(why?: UsherError): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(why);
    this.#cancelTimer();
    for (const answer of this.answers) answer.release();
    if (this.#response.headersSent) this.#response.end();
  }

  /** What is true now is told before the lease that covers it. */
  #beat(): void {
    for (const answer of this.answers) answer.look();
    if (this.#closing.signal.aborted) return;
    const { leaseMs, graceMs, time } = this.#port;
    const at = time.monotonicMs() - this.#openedMs;
    const ms = Math.min(leaseMs, this.#renewMs + graceMs - at);
    if (ms <= 0) return this.close();
    this.#send("lease", { at: Math.floor(at), ms: Math.floor(ms) });
    this.#cancelTimer = time.after(Math.ceil(Math.min(leaseMs / beatsPerLease, ms)), () => this.#beat());
  }

  #changed(answer: StandingAnswer): void {
    if (this.#isOpen) this.#send("change", said(answer));
  }

  /** A browser that does not read is left: its lease ends. */
  #send(event: string, data: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    if (this.#response.writableLength <= limits.streamBufferBytesMax) return;
    this.close();
    this.#response.destroy();
  }
}

function said({ question: { object, permission }, allowed }: StandingAnswer) {
  return { object: formatObject(object), permission, allowed };
}
