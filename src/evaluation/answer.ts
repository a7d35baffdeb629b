import { forever, type Instant } from "../base/clock.js";
import type { UsherError } from "../base/errors.js";
import { join, type Grounds } from "./grounds.js";
import type { Trace } from "./trace.js";

/**
 * The answer of a step, in strong Kleene logic: `denied`, `allowed`, and between them the unknown in two kinds.
 * `conditional`: context fields are missing. `undecided`: a cycle through the right side of an exclusion, a bound, or
 * an error of a condition. A branch that decides still decides; where two unknowns meet, the result is undecided if
 * one of them is, so that `conditional` always means that context, and nothing else, is wanting. An undecided root is an
 * error, which denies. `pending` is no value but a promise of one: something must be read first; it too gives way to
 * a branch that decides.
 */
export interface Answer {
  readonly value: "denied" | "conditional" | "undecided" | "allowed" | "pending";
  /** Of `conditional`: the names of the context fields, sorted, without duplicates. */
  readonly missing: readonly string[];
  /** Of `undecided`: why. */
  readonly error?: UsherError;
  /** Until then, exclusive, time alone cannot change the answer. */
  readonly until: Instant;
  /** Of `allowed` and `denied`: by what. */
  readonly grounds?: Grounds | undefined;
  /** How it came about; kept only where an explanation is wanted. */
  readonly trace?: Trace;
}

const none: readonly string[] = Object.freeze([]);

export const allowed: Answer = Object.freeze({ value: "allowed", missing: none, until: forever, grounds: undefined });
export const denied: Answer = Object.freeze({ value: "denied", missing: none, until: forever, grounds: undefined });
export const pending: Answer = Object.freeze({ value: "pending", missing: none, until: forever });

export function conditional(missing: readonly string[], until: Instant): Answer {
  return { value: "conditional", missing, until };
}

export function undecided(error: UsherError, until: Instant = forever): Answer {
  return { value: "undecided", missing: none, error, until };
}

/** `allowed` or `denied`, by what is given. */
export function because({ value, missing, until }: Answer, grounds: Grounds): Answer {
  return { value, missing, until, grounds };
}

/** The answer, valid no longer than `until`. */
export function boundedBy(answer: Answer, until: Instant): Answer {
  return until < answer.until ? { ...answer, until } : answer;
}

export function or(a: Answer, b: Answer): Answer {
  if (a.value === "allowed") return a;
  if (b.value === "allowed") return b;
  return merge(a, b, "denied");
}

export function and(a: Answer, b: Answer): Answer {
  if (a.value === "denied") return a;
  if (b.value === "denied") return b;
  return merge(a, b, "allowed");
}

export function not(a: Answer): Answer {
  if (a.value === "allowed") return { ...a, value: "denied" };
  // What was in the way of the one does not grant the other.
  if (a.value === "denied") return { ...a, value: "allowed", grounds: undefined };
  return a;
}

/** Between `denied` and `allowed`. */
export function isUnknown(answer: Answer): boolean {
  return answer.value === "conditional" || answer.value === "undecided";
}

/** Whether two answers are the same to whoever builds on them, so that an iteration has come to rest. By what they are so does not count. */
export function sameAnswer(a: Answer, b: Answer): boolean {
  return (
    a === b ||
    (a.value === b.value && a.until === b.until && a.missing.length === b.missing.length && a.missing.every((name, i) => name === b.missing[i]))
  );
}

/** Neither decides alone, so the result holds only as long as both do. `neutral` leaves the other as it is. */
function merge(a: Answer, b: Answer, neutral: "denied" | "allowed"): Answer {
  if (a.value === "pending" || b.value === "pending") return pending;
  const until = Math.min(a.until, b.until);
  if (b.value === neutral) return a.value === neutral ? jointly(a, b, until) : boundedBy(a, until);
  if (a.value === neutral) return boundedBy(b, until);
  if (a.value === "undecided") return boundedBy(a, until);
  if (b.value === "undecided") return boundedBy(b, until);
  return conditional(unionOf(a.missing, b.missing), until);
}

function jointly(a: Answer, b: Answer, until: Instant): Answer {
  const grounds = join(a.grounds, b.grounds);
  if (grounds === a.grounds) return boundedBy(a, until);
  return grounds === b.grounds ? boundedBy(b, until) : { ...a, until, grounds };
}

function unionOf(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a === b || b.every((name) => a.includes(name))) return a;
  return [...new Set([...a, ...b])].sort();
}
