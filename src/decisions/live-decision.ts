import { forever, type Instant } from "../base/clock.js";
import type { ErrorCode } from "../base/errors.js";
import type { Context } from "../model/context.js";
import type { Cause, HeldAnswer } from "../model/live.js";
import type { ObjectRef } from "../model/object.js";
import type { SubjectRef } from "../model/subject.js";
import type { Revision } from "../model/zookie.js";
import { Few } from "./few.js";
import type { LiveHold } from "./live-hold.js";
import type { ReachedKey } from "./reach-index.js";

/** What a decision came to when it was last evaluated. */
export interface Standing {
  readonly value: HeldAnswer;
  readonly missing: readonly string[];
  /** It could not be decided, and is denied. */
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** Where they are recorded: by what it is so, a line each. There are very many, and one text takes a fraction of what a list of them does. */
  readonly grounds?: string;
  /** Time alone does not change it before then. */
  readonly until: Instant;
  /** What ends then: absent, where `until` is never. */
  readonly ends?: "expiry" | "condition" | "sweep";
}

/** Why a decision is to be evaluated anew. */
export interface Mark {
  readonly kind: Cause["kind"];
  /** Of the commit. */
  readonly revision?: Revision;
  readonly metadata?: Cause["metadata"];
}

export const unmarked: readonly Mark[] = [];

export interface Asked {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly context?: Context;
}

/**
 * An answer that is kept true for whoever holds it. It is *due* from when something marked it until it has been evaluated at a revision that
 * has the mark behind it; what was last found stands meanwhile.
 */
export class LiveDecision {
  /** By which those who ask the same find it. */
  readonly name: string;
  readonly asked: Asked;
  readonly subjectKey: string;
  readonly holds = new Few<LiveHold>();
  keys: readonly ReachedKey[] = [];
  /** Undefined before the first evaluation. */
  standing: Standing | undefined = undefined;
  /** Not empty: it is due. The first evaluation has no mark. */
  marks: readonly Mark[] = unmarked;
  due = true;
  queuedFor: Instant = forever;
  evaluating = false;

  constructor(name: string, asked: Asked, subjectKey: string) {
    this.name = name;
    this.asked = asked;
    this.subjectKey = subjectKey;
  }

  get subject(): SubjectRef {
    return this.asked.subject;
  }

  get until(): Instant {
    return this.standing?.until ?? forever;
  }

  restsOn(key: ReachedKey): boolean {
    return this.keys.includes(key);
  }
}

/** Whether going from one answer to the other takes something away. */
export function isRevocation(from: HeldAnswer | undefined, to: HeldAnswer): boolean {
  return (from === "allowed" && to !== "allowed") || (from === "conditional" && to === "denied");
}
