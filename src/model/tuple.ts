import type { Instant } from "../base/clock.js";
import type { Context } from "./context.js";
import { formatObject, type ObjectRef } from "./object.js";
import { formatSubject, type SubjectRef } from "./subject.js";

/** A relation tuple, `object#relation@subject`. Its identity leaves out the condition and the expiration. */
export interface Tuple {
  readonly object: ObjectRef;
  readonly relation: string;
  readonly subject: SubjectRef;
  readonly condition?: TupleCondition;
  /** From this instant on the tuple counts as absent. */
  readonly expiresAt?: Instant;
}

/** A condition's name with the part of its context that is stored with the tuple; it wins over the request's. */
export interface TupleCondition {
  readonly name: string;
  readonly context: Context;
}

/** A tuple as a store holds it: since which revision it stands so. */
export interface StoredTuple extends Tuple {
  readonly since: number;
}

export function isExpired(tuple: Tuple, now: Instant): boolean {
  return tuple.expiresAt !== undefined && tuple.expiresAt <= now;
}

/** The identity as text, also a map key: `document:1#viewer@user:ana`. */
export function tupleIdentity(tuple: Tuple): string {
  return `${formatObject(tuple.object)}#${tuple.relation}@${formatSubject(tuple.subject)}`;
}

/** The whole tuple as one line, which `parseTuple` reads: `doc:1#viewer@user:a[ip:{"net":"10.0.0.0/8"}][expiration:2030-01-01T00:00:00.000Z]`. */
export function formatTuple(tuple: Tuple): string {
  return tupleIdentity(tuple) + formatCondition(tuple.condition) + formatExpiration(tuple.expiresAt);
}

function formatCondition(condition: TupleCondition | undefined): string {
  if (condition === undefined) return "";
  const empty = Object.keys(condition.context).length === 0;
  return empty ? `[${condition.name}]` : `[${condition.name}:${JSON.stringify(condition.context)}]`;
}

function formatExpiration(expiresAt: Instant | undefined): string {
  return expiresAt === undefined ? "" : `[expiration:${new Date(expiresAt).toISOString()}]`;
}
