import type { Instant } from "../base/clock.js";
import type { Call } from "../model/service.js";
import type { Revision } from "../model/zookie.js";

/** Who opens a stream. */
export type LiveCaller = Pick<Call, "tenant" | "principal" | "peer" | "requestId" | "traceId" | "actor" | "session">;

/** Whose stream it is, and how far it has come, for whoever looks. */
export class LiveClient {
  /** As it was when the stream was opened. */
  readonly caller: LiveCaller;
  readonly openedAt: Instant;
  /** The last checkpoint that it was sent. */
  sent: { readonly revision: Revision; readonly instant: Instant } | undefined = undefined;
  /** The last that it has acknowledged, and when it did. */
  acknowledged: { readonly revision: Revision; readonly instant: Instant } | undefined = undefined;

  constructor({ tenant, principal, peer, requestId, traceId, actor, session }: LiveCaller, openedAt: Instant) {
    this.caller = { tenant, principal, peer, requestId, traceId, actor, session };
    this.openedAt = openedAt;
  }

  /** The id of its key; empty: there are none. */
  get principal(): string {
    return this.caller.principal ?? "";
  }

  /** From where it calls; undefined: from this process. */
  get peer(): string | undefined {
    return this.caller.peer;
  }
}
