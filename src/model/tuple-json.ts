import type { Instant } from "../base/clock.js";
import { formatTuple, type Tuple } from "./tuple.js";

/** RFC 3339, as tuple text writes instants. */
export function instantText(instant: Instant): string {
  return new Date(instant).toISOString();
}

/** A tuple for programs: its text, which every command reads, and its parts. */
export function tupleJson(tuple: Tuple): object {
  const { object, relation, subject, condition, expiresAt } = tuple;
  return {
    tuple: formatTuple(tuple),
    object,
    relation,
    subject,
    ...(condition === undefined ? {} : { condition }),
    ...(expiresAt === undefined ? {} : { expiresAt: instantText(expiresAt) }),
  };
}
