import { limits } from "../base/limits.js";
import { formatObject, type ObjectRef } from "../model/object.js";
import { formatTuple, type Tuple } from "../model/tuple.js";
import type { Answer } from "./answer.js";

/**
 * What decided an answer, as links that the answers built on it share: of an allowed one the tuples that grant it, of a denied one what stood in
 * the way, where something did. Making them costs a link where two meet; they are unfolded when they are told.
 */
export type Grounds = Tuple | Kept | Both | Stop | Told;

/** A result that is kept: its grounds are those it has when they are told, since it may come to the same answer by other tuples. */
interface Kept {
  readonly answer: Answer;
}

interface Both {
  readonly first: Grounds;
  readonly second: Grounds;
}

/** An operand of an intersection that nothing grants. */
interface Stop {
  readonly object: ObjectRef;
  readonly member: string;
}

/** Unfolded, as it stood then. */
interface Told {
  readonly told: readonly string[];
  /** The answer was in memory. */
  readonly remembered: boolean;
}

/** The answer with its grounds as they stand now, for whoever tells of it later. */
export function told(answer: Answer, remembered: boolean): Answer {
  return { ...answer, grounds: { told: groundsOf(answer), remembered } };
}

export function wasRemembered({ grounds }: Answer): boolean {
  return grounds !== undefined && "told" in grounds && grounds.remembered;
}

export function join(first: Grounds | undefined, second: Grounds | undefined): Grounds | undefined {
  if (first === undefined || second === undefined || first === second) return first ?? second;
  return { first, second };
}

/**
 * As text, from the object asked about to the subject: tuples, and members that nothing grants. At most `limits.auditGroundsMax`, each once. To be
 * asked for while the answer stands.
 *
 *     document:1#viewer@group:eng#member, group:eng#member@user:ana
 */
export function groundsOf({ grounds }: Answer): readonly string[] {
  if (grounds === undefined) return [];
  if ("told" in grounds) return grounds.told;
  return "subject" in grounds ? [formatTuple(grounds)] : unfolded(grounds);
}

function unfolded(grounds: Grounds): readonly string[] {
  const told: string[] = [];
  const seen = new Set<Grounds>();
  const waiting: Grounds[] = [grounds];
  for (let next = waiting.pop(); next !== undefined && told.length < limits.auditGroundsMax; next = waiting.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    if ("answer" in next) {
      if (next.answer.grounds !== undefined) waiting.push(next.answer.grounds);
    } else if ("first" in next) waiting.push(next.second, next.first);
    else if ("subject" in next) told.push(formatTuple(next));
    else if ("member" in next) told.push(`${formatObject(next.object)}#${next.member}`);
  }
  return told;
}
