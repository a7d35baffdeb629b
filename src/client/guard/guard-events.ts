import type { UsherError } from "../../base/errors.js";
import type { Cause } from "../../model/live.js";
import type { ObjectRef } from "../../model/object.js";
import type { SubjectRef } from "../../model/subject.js";
import { Emitter } from "./emitter.js";

/** A decision that was held has become another. */
export interface DecisionChange {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly cause: Cause;
}

/** What a guard tells, with what. */
export interface GuardEvents {
  /** What was allowed is not any more. The signals of its holds have been aborted. */
  revoked: [change: DecisionChange];
  /** What was held and not allowed is now. */
  granted: [change: DecisionChange];
  /** Nothing was heard for as long as the lease: all is denied until the next one. */
  lapsed: [];
  connected: [];
  /** The stream has broken. What is held is trusted until the lease ends. */
  disconnected: [error: UsherError];
  closed: [];
}

export class GuardEmitter extends Emitter<GuardEvents> {}
