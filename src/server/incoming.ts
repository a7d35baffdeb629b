import type { EventEmitter } from "node:events";

import type { Metadata, ServerDuplexStream, ServerReadableStream, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";

import { UsherError } from "../base/errors.js";
import type { Call } from "../model/service.js";
import { attributionKeys, readAttribution, traceIdOf, traceParentKey } from "../model/wire/attribution.js";
import { checkTenantHeader, tenantKey } from "../model/wire/tenant.js";
import type { Caller } from "./access/access.js";

type GrpcCall = ServerUnaryCall<Buffer, Buffer> | ServerReadableStream<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** A call that says `cancelled` when its client has gone, or its deadline has passed: grpc-js's, and that of a request over HTTP. */
type EndingCall = EventEmitter & Pick<GrpcCall, "getPeer" | "getDeadline">;

/** How long before a deadline an end of the call counts as the deadline's: timers are not exact. */
const deadlineSlackMs = 5;

/**
 * The end of a call before its answer: its client cancels, its deadline passes, or the server ends it; the reason says which. The signal is
 * made when somebody asks for it, since making one takes longer than most checks, which ask for none.
 */
export class Cancellation {
  readonly #call: EndingCall;
  #controller: AbortController | undefined;
  #aborted = false;
  #reason: unknown;
  #released = false;

  constructor(call: EndingCall) {
    this.#call = call;
    call.on("cancelled", () => {
      if (!this.#released) this.abort(endOf(call));
    });
  }

  /** From where the call comes, as `address:port`. */
  get peer(): string {
    return this.#call.getPeer();
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** The first reason stands. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** @throws the reason */
  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  /** The call has been answered: its client ends it no longer, though grpc-js says `cancelled` after every call. */
  release(): void {
    this.#released = true;
  }
}

function endOf(call: EndingCall): UsherError {
  const late = Date.now() >= Number(call.getDeadline()) - deadlineSlackMs;
  return late ? new UsherError("deadline_exceeded", "the call's deadline passed") : new UsherError("cancelled", "the client cancelled the call");
}

/** The tenant that a call names. @throws `invalid_request` */
export function namedTenant(metadata: Metadata): string | undefined {
  const named = metadata.get(tenantKey);
  if (named.length === 0) return undefined;
  if (named.length > 1) throw new UsherError("invalid_request", `metadata \`${tenantKey}\` is given ${named.length} times: give it once`);
  return checkTenantHeader(String(named[0]));
}

/** The call as the service is told of it. What it says of its actor and session is held against the rules at once, wherever it leads: most say nothing. */
export class IncomingCall implements Call {
  readonly principal: string;
  readonly requestId: string;
  declare readonly tenant?: string;
  declare readonly actor?: string;
  declare readonly session?: string;
  readonly #cancellation: Cancellation;
  readonly #metadata: Metadata;

  /** @throws `invalid_request` */
  constructor({ principal, tenant }: Caller, cancellation: Cancellation, metadata: Metadata, requestId: string) {
    this.principal = principal;
    this.requestId = requestId;
    if (tenant !== undefined) this.tenant = tenant;
    const actors = metadata.get(attributionKeys.actor);
    if (actors.length > 0) this.actor = readAttribution(actors, "actor");
    const sessions = metadata.get(attributionKeys.session);
    if (sessions.length > 0) this.session = readAttribution(sessions, "session");
    this.#cancellation = cancellation;
    this.#metadata = metadata;
  }

  get traceId(): string | undefined {
    return traceIdOf(this.#metadata.get(traceParentKey)[0]);
  }

  get peer(): string {
    return this.#cancellation.peer;
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  get aborted(): boolean {
    return this.#cancellation.aborted;
  }
}
