import type { ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";

import { UsherError } from "../base/errors.js";
import type { Call } from "../model/service.js";
import { checkTenantHeader, tenantKey } from "../model/wire/tenant.js";

type GrpcCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

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
  call.once("cancelled", onCancelled);
  return { controller, release: () => void call.off("cancelled", onCancelled) };
}

/** Who calls. @throws `invalid_request` */
export function incomingCall(call: GrpcCall, signal: AbortSignal): Call {
  const named = call.metadata.get(tenantKey);
  if (named.length === 0) return { signal };
  if (named.length > 1) throw new UsherError("invalid_request", `metadata \`${tenantKey}\` is given ${named.length} times: give it once`);
  return { signal, tenant: checkTenantHeader(String(named[0])) };
}
