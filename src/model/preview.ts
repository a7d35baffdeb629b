import type { Instant } from "../base/clock.js";
import type { ErrorCode } from "../base/errors.js";
import type { HeldAnswer } from "./live.js";
import type { CheckRequest, Operation } from "./service.js";

/** A write that is not made, and what else is asked about it than the live decisions that are held. */
export interface PreviewChangeRequest {
  /** As of `WriteTuplesRequest`. Either these or a schema. */
  readonly operations?: readonly Operation[];
  /** The schema proposed. */
  readonly schemaText?: string;
  /** At most `limits.previewChecksMax`. */
  readonly checks?: readonly PreviewCheck[];
  /** How many changes are listed; default `limits.previewChangesDefault`, at most `limits.previewChangesMax`. */
  readonly limit?: number;
}

/** Who may do what: the question of a check. */
export type PreviewCheck = Pick<CheckRequest, "object" | "permission" | "subject" | "context">;

export interface PreviewChangeResponse {
  /** The snapshot on which the write was laid. */
  readonly zookie: string;
  /** At which conditions and expirations are judged, before and after alike. */
  readonly instant: Instant;
  /** What is lost first; of that, and of the rest, what most hold. */
  readonly changes: readonly PreviewedChange[];
  /** How many questions were answered, twice each. */
  readonly evaluated: number;
  /** There are more changes than were asked for, or more decisions than were looked at. */
  readonly more: boolean;
}

/** An answer that would become another. One that cannot be decided is denied, and has its error's code. */
export interface PreviewedChange extends PreviewCheck {
  readonly before: HeldAnswer;
  readonly after: HeldAnswer;
  readonly beforeError?: ErrorCode;
  readonly afterError?: ErrorCode;
  /** How many hold it; 0: it is of the list alone. */
  readonly holds: number;
}
