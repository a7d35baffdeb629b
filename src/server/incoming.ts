import type { EventEmitter } from "node:events";

import type { Metadata, ServerReadableStream, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";

import { UsherError } from "../base/errors.js";
import type { Call } from "../model/service.js";
import { checkTenantHeader, tenantKey } from "../model/wire/tenant.js";
import type { Caller } from "./access/access.js";

type GrpcCall = ServerUnaryCall<Buffer, Buffer> | ServerReadableStream<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** How long before a deadline an end of the call counts as the deadline's: timers are not exact. */
const deadlineSlackMs = 5;

/** The call as an abort controller sees it. */
export interface Cancellation {
  /** Aborts when the client cancels or its deadline passes; its reason says which. */
  readonly controller: AbortController;
  /** The call has been answered: nothing aborts the signal any longer, though grpc-js says `cancelled` after every call. */
  readonly release: () => void;
}

export function cancellation(call: GrpcCall): Cancellation {
  const controller = new AbortController();
  const onCancelled = () => {
    const late = Date.now() >= Number(call.getDeadline()) - deadlineSlackMs;
    controller.abort(late ? new UsherError("deadline_exceeded", "the call's deadline passed") : new UsherError("cancelled", "the client cancelled the call"));
  };
  const events: EventEmitter = call;
  events.once("cancelled", onCancelled);
  return { controller, release: () => void events.off("cancelled", onCancelled) };
}

/** The tenant that a call names. @throws `invalid_request` */
export function namedTenant(metadata: Metadata): string | undefined {
  const named = metadata.get(tenantKey);
  if (named.length === 0) return undefined;
  if (named.length > 1) throw new UsherError("invalid_request", `metadata \`${tenantKey}\` is given ${named.length} times: give it once`);
  return checkTenantHeader(String(named[0]));
}

/** The call as the service is told of it. */
export function incomingCall({ principal, tenant }: Caller, signal: AbortSignal): Call {
  return { signal, principal, ...(tenant === undefined ? {} : { tenant }) };
}
