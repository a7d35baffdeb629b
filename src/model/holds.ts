import type { Instant } from "../base/clock.js";
import type { ErrorCode } from "../base/errors.js";
import type { Context } from "./context.js";
import type { HeldAnswer } from "./live.js";
import type { ObjectRef } from "./object.js";
import type { SubjectRef } from "./subject.js";

/** What is held on this server, of one tenant or of all. */
export interface ListHoldsRequest {
  /** Absent: of all tenants. */
  readonly tenant?: string;
  /** Absent: streams are listed. Else the decisions that match all that it says; empty: every one. */
  readonly decisions?: HoldsFilter;
}

export interface HoldsFilter {
  /** What one stream holds. */
  readonly stream?: string;
  readonly object?: ObjectRef;
  readonly permission?: string;
  readonly subject?: SubjectRef;
}

/** One page, as things stand while it is made: the pages of a list are not of one moment. */
export interface ListHoldsResponse {
  readonly instant: Instant;
  readonly streams: readonly HoldingStream[];
  readonly decisions: readonly StandingDecision[];
}

/** One enforcement point, as the server knows it. */
export interface HoldingStream {
  readonly stream: string;
  readonly tenant: string;
  /** The id of its key; empty where there are none. */
  readonly principal: string;
  /** From where it connected; absent: from this process. */
  readonly peer?: string;
  readonly openedAt: Instant;
  /** False: its connection has ended, and what it held counts until its lease has. */
  readonly connected: boolean;
  readonly leaseMs: number;
  /** For how long its client may still trust what it holds if it hears nothing more, with what clocks drift; 0: it may not. */
  readonly trustsForMs: number;
  readonly holds: number;
  /** Decisions that are to be evaluated anew before it is complete. */
  readonly due: number;
  /** Holds of which it is to be told. */
  readonly untold: number;
  /** Checkpoints that it was sent and has not acknowledged. */
  readonly unacknowledged: number;
  /** The last checkpoint that it was sent: until there it is complete. Absent: none yet. */
  readonly sent?: Reached;
  /** The last one that it has acknowledged, and when it did. */
  readonly acknowledged?: Reached;
}

export interface Reached {
  readonly zookie: string;
  readonly instant: Instant;
}

/** One live decision. */
export interface StandingDecision {
  readonly tenant: string;
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly context?: Context;
  /** What it came to when it was last evaluated; absent: it was not yet. */
  readonly answer?: HeldAnswer;
  /** It could not be decided, and is denied. */
  readonly error?: ErrorCode;
  /** Something has marked it, and it is to be evaluated anew. */
  readonly due: boolean;
  readonly holds: number;
  /** Holds whose clients may act on *allowed*, whatever the answer is by now: they were not told, or have not acknowledged. */
  readonly honoured: number;
}
