import type { Instant } from "../base/clock.js";
import type { ErrorCode } from "../base/errors.js";
import type { Context } from "./context.js";
import type { ObjectRef } from "./object.js";
import type { Explanation, Metadata } from "./service.js";
import type { SubjectRef } from "./subject.js";

/**
 * What passes over a live stream: an enforcement point says what it holds, the server keeps the answers true. The protocol, with its
 * invariants, is on the page of `decisions/`.
 */
export type LiveRequest =
  /** The first message, once. */
  | {
      readonly kind: "open";
      /** For how long the client wants to trust what it holds without hearing anything; default and bounds in `limits`. */
      readonly leaseMs?: number;
      /** The stream that this one takes the place of: once what this one says has been acknowledged, the other's holds are dropped. */
      readonly resumeStream?: string;
    }
  | { readonly kind: "hold"; readonly holds: readonly Hold[] }
  /** Each is told all of its members, and their changes from then on. */
  | { readonly kind: "lookup"; readonly lookups: readonly LookupHold[] }
  /** The client has forgotten their answers, and acts on none. Unknown ids are passed over. */
  | { readonly kind: "release"; readonly ids: readonly number[] }
  /** The context of those holds and lookups of this stream that name it: before the first they have none. */
  | { readonly kind: "setContext"; readonly name: string; readonly context: Context }
  /** How often the client let something pass on the strength of holds since it last said so: it is recorded, and nothing else. Unknown ids are passed over. */
  | { readonly kind: "uses"; readonly uses: readonly HoldUse[] }
  /** Asks for a checkpoint with a lease, which carries the nonce. */
  | { readonly kind: "ping"; readonly nonce: string }
  /** All up to the zookie of a checkpoint has taken effect at the client: its state was changed and its listeners have run. */
  | { readonly kind: "acknowledge"; readonly zookie: string };

export interface HoldUse {
  /** Of a hold or of a lookup. */
  readonly id: number;
  /** Of a lookup the member, by name or `*`. */
  readonly member?: string;
  /** 1 to 4,294,967,295. */
  readonly count: number;
}

/** The claim of an enforcement point on one live decision. */
export interface Hold {
  /** Chosen by the client, 1 to 4,294,967,295, unique among the holds of its stream. */
  readonly id: number;
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly context?: Context;
  /** A context that this stream has set or will set; fields of `context` win over it. */
  readonly contextName?: string;
  /** Its states come with explanations. */
  readonly explain?: boolean;
  /** What the client held of it when its last stream ended: it is told only if that is otherwise. */
  readonly last?: HeldAnswer;
}

/** The claim of an enforcement point on the objects of a subject, or the subjects of an object. */
export interface LookupHold {
  /** Chosen by the client as that of a hold, unique among the holds and lookups of its stream. */
  readonly id: number;
  readonly what: HeldLookup;
  readonly context?: Context;
  /** As that of a hold. */
  readonly contextName?: string;
}

export type HeldLookup =
  | { readonly kind: "objects"; readonly type: string; readonly permission: string; readonly subject: SubjectRef }
  /** Usersets where a relation is given. */
  | { readonly kind: "subjects"; readonly object: ObjectRef; readonly permission: string; readonly subjectType: string; readonly subjectRelation?: string };

export type HeldAnswer = "allowed" | "denied" | "conditional";

export type LiveResponse =
  | {
      readonly kind: "opened";
      /** To name it when another takes its place. */
      readonly stream: string;
      /** What was granted of the lease that was asked for. */
      readonly leaseMs: number;
    }
  /** Answers that nothing ended: of new holds, and those whose validity alone has changed. */
  | { readonly kind: "states"; readonly zookie: string; readonly instant: Instant; readonly states: readonly HeldState[] }
  /** Answers that have become others. */
  | { readonly kind: "flips"; readonly zookie: string; readonly instant: Instant; readonly flips: readonly Flip[] }
  /** How candidates of lookups stand: those that are members, and those that are none any more. */
  | { readonly kind: "members"; readonly zookie: string; readonly instant: Instant; readonly members: readonly MemberState[] }
  /** Holds and lookups that were not taken, or are not kept any more: each denies, a lookup all of its members. */
  | { readonly kind: "refused"; readonly refused: readonly RefusedHold[] }
  /** Everything up to this commit and this instant that concerns holds received before has been sent. */
  | {
      readonly kind: "checkpoint";
      readonly zookie: string;
      readonly instant: Instant;
      /** Of the last ping received: every hold and lookup sent before it is covered. Where it is absent the checkpoint brings no lease. */
      readonly nonce?: string;
      /** What is held may be trusted for so long from when the ping was sent. */
      readonly leaseMs?: number;
    }
  /** The server is going: connect anew after so long. What is held stays held until its lease ends. */
  | { readonly kind: "draining"; readonly reconnectAfterMs: number };

/** Neither allowed nor missing fields: denied. */
export interface HeldState {
  readonly id: number;
  readonly allowed: boolean;
  readonly missingFields: readonly string[];
  /** For how many milliseconds after the message's instant time alone cannot change the answer; absent: for ever. */
  readonly validForMs?: number;
  /** It could not be decided, and denies. */
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  readonly explanation?: Explanation;
}

/** Neither allowed nor missing fields: it is no member, or none any more. */
export interface MemberState extends Pick<HeldState, "allowed" | "missingFields" | "validForMs"> {
  /** The lookup's. */
  readonly id: number;
  /** The id of the object or subject; `*`: of all subjects of whom it was told nothing by name. */
  readonly member: string;
  /** It is denied whatever `*` says: to be remembered. */
  readonly excluded?: boolean;
  /** Absent: it was so when the lookup was held. */
  readonly cause?: Cause;
}

export interface Flip extends HeldState {
  readonly cause: Cause;
}

/** What ended an answer. Where several did between two evaluations, the last of them. */
export interface Cause {
  /**
   * `expiry`: that of a tuple. `condition`: a condition's boundary in time; where both fall together, `expiry` is said. `time`: one of them, as an enforcement
   * point says whose own clock was first to come to the end of what it was told. `sweep`: found by evaluating everything anew from the store. `resume`: it was otherwise when the
   * client's last stream ended.
   */
  readonly kind: "tuple" | "schema" | "context" | "time" | "sweep" | "resume" | "expiry" | "condition";
  /** Of the commit. */
  readonly zookie?: string;
  /** Of the commit. */
  readonly metadata?: Metadata;
}

export interface RefusedHold {
  readonly id: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * How far a revocation has come: of the streams that held a decision whose answer left `allowed` (or `conditional` for `denied`)
 * because of a commit. `affected` is the sum of the others.
 */
export interface Enforcement {
  readonly affected: number;
  /** They have said that it took effect, or dropped what they held. */
  readonly acknowledged: number;
  /** Their leases have ended. */
  readonly lapsed: number;
  /** Neither, when the time that was given ran out. Leases that an earlier run of the server gave, and that may not have ended, count as one. */
  readonly pending: number;
}
