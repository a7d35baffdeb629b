import type { IncomingMessage, ServerResponse } from "node:http";

import { UsherError } from "../../base/errors.js";
import type { Call } from "../../model/service.js";
import type { Caller } from "../access/access.js";
import { Cancellation, IncomingCall } from "../incoming.js";
import type { Reception, Rpc, Visit } from "../reception.js";
import { requestIdKey } from "../telemetry/request-id.js";
import { HttpCall } from "./http-call.js";

/** One request from its arrival to its end, through the same reception as a call over gRPC. */
export class Exchange {
  readonly cancellation: Cancellation;
  /** As the client gave it, whatever that was, else our own: it is what the answer says. */
  readonly requestId: string;
  readonly #rpc: Rpc;
  readonly #reception: Reception;
  readonly #call: HttpCall;
  readonly #visit: Visit;
  #caller: Caller | undefined;
  #ended = false;

  /** @param maxMs how long it may take; Infinity: as long as it likes */
  constructor(rpc: Rpc, request: IncomingMessage, response: ServerResponse, reception: Reception, maxMs: number) {
    this.#rpc = rpc;
    this.#reception = reception;
    this.#call = new HttpCall(request, response, maxMs);
    this.cancellation = new Cancellation(this.#call);
    this.#visit = reception.begin(rpc, this.#call.metadata, maxMs === Infinity);
    const given = request.headers[requestIdKey];
    this.requestId = typeof given === "string" ? given : this.#visit.requestId;
    // Where nobody is left to answer, nothing else ends it.
    response.once("close", () => this.end(this.cancellation.reason ?? new UsherError("cancelled", "the client went away")));
  }

  /** Whether its end has been counted. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Asks who calls, before anything of the body is read. @throws as `Gate.enter`; `invalid_request` */
  async enter(): Promise<void> {
    this.#call.readHeaders();
    this.#caller = await this.#reception.gate.enter(this.#call, this.#rpc, this.cancellation);
    if (this.#ended) this.#caller.release();
  }

  /** Lets it in under load and quotas, and reads what it asks. @throws `overloaded`, `quota_exceeded`, and what `read` throws */
  admit<Request>(read: () => Request): Request {
    this.cancellation.throwIfAborted();
    return this.#visit.admit(this.#known(), read);
  }

  /** Runs the body as part of the request's trace, with the call as the service is told of it. @throws `invalid_request` */
  run<T>(body: (call: Call) => T): T {
    const call = new IncomingCall(this.#known(), this.cancellation, this.#call.metadata, this.#visit.requestId);
    return this.#visit.run(() => body(call));
  }

  /** What ended it, where its own end by the client, its deadline or the server goes first. */
  reasonOf(thrown: unknown): unknown {
    return this.cancellation.aborted ? this.cancellation.reason : thrown;
  }

  /** Once; later calls change nothing. @param thrown what ended it otherwise than well */
  end(thrown?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#caller?.release();
    this.cancellation.release();
    this.#visit.end(thrown);
  }

  #known(): Caller {
    if (this.#caller === undefined) throw new UsherError("internal", "a request was read before it was asked who makes it");
    return this.#caller;
  }
}
