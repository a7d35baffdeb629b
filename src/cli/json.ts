import type { Explanation, ExpandNode } from "../model/service.js";
import { formatTuple, type Tuple } from "../model/tuple.js";
import type { Instant } from "../base/clock.js";

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

export function explanationJson(step: Explanation): unknown {
  return { ...step, ...(step.tuple === undefined ? {} : { tuple: tupleJson(step.tuple) }), children: step.children.map(explanationJson) };
}

export function expandJson(node: ExpandNode): unknown {
  return {
    ...node,
    children: node.children.map(expandJson),
    subjects: node.subjects.map((each) => ({
      ...each,
      ...(each.expiresAt === undefined ? {} : { expiresAt: instantText(each.expiresAt) }),
      ...(each.expanded === undefined ? {} : { expanded: expandJson(each.expanded) }),
    })),
  };
}
