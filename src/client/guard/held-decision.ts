import { forever, type Instant } from "../../base/clock.js";
import type { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Context } from "../../model/context.js";
import type { HeldAnswer, HeldState, Hold as HoldRequest, HoldUse } from "../../model/live.js";
import type { ObjectRef } from "../../model/object.js";
import type { SubjectRef } from "../../model/subject.js";
import type { Hold } from "./hold.js";

/** What is held: who may do what to what, in which context. */
export interface Question {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly context?: Context;
  readonly contextName?: string;
}

/** One live decision as the client knows it. All holds of one question share it: the server keeps it once. */
export class HeldDecision {
  readonly id: number;
  readonly key: string;
  readonly question: Question;
  /** Undefined: nothing has been heard of it yet. */
  answer: HeldAnswer | undefined = undefined;
  /** By the server's clock, until when time alone cannot change it. */
  until: Instant = forever;
  missingFields: readonly string[] = [];
  /** It could not be decided, and denies. */
  error: HeldState["error"];
  /** The server does not keep it, and says nothing of it any more. */
  refused: UsherError | undefined = undefined;
  /** This stream was asked for its state anew, and has not told it yet. */
  isAwaited = true;
  /** Holds, and calls that wait for the answer. */
  references = 0;
  /** How often it let something pass since the server was told. */
  uses = 0;
  /** Kept when nobody refers to it, as long as there is room: it was asked for by `can`. */
  isCached = false;
  readonly holds = new Set<Hold>();
  readonly waiters = new Set<() => void>();

  constructor(id: number, key: string, question: Question) {
    this.id = id;
    this.key = key;
    this.question = question;
  }

  /** Takes what a message of this instant says. Only a decision without open fields and without an error allows. */
  take({ allowed, missingFields, validForMs, error }: HeldState, instant: Instant): void {
    this.isAwaited = false;
    this.error = error;
    this.missingFields = missingFields;
    // No message says more than the most: what ends later than that, the server tells of when it ends.
    this.until = validForMs === undefined || validForMs >= limits.validForMsMax ? forever : instant + validForMs;
    if (error !== undefined) this.answer = "denied";
    else if (missingFields.length > 0) this.answer = "conditional";
    else this.answer = allowed === true ? "allowed" : "denied";
  }

  /** What the server is told; undefined: nothing. */
  takeUses(): HoldUse | undefined {
    const { id, uses } = this;
    if (uses === 0) return undefined;
    this.uses = 0;
    return { id, count: Math.min(uses, 4_294_967_295) };
  }

  /** Nothing is known of it: it denies until it is told anew. */
  forget(): void {
    this.answer = undefined;
    this.error = undefined;
    this.missingFields = [];
    this.until = forever;
  }

  /**
   * What a new stream is asked. The last answer is presented only where silence would leave nothing open: an undecided one, or one that
   * ends with time, is told anew.
   * @param trusted whether the lease under which the answer is held still runs
   */
  asRequest(trusted: boolean): HoldRequest {
    const last = trusted && !this.isAwaited && this.error === undefined && this.until === forever ? this.answer : undefined;
    this.isAwaited = last === undefined;
    return { id: this.id, ...this.question, ...(last === undefined ? {} : { last }) };
  }
}
