import type { Instant } from "../base/clock.js";
import type { ObjectRef } from "../model/object.js";
import type { SubjectRef } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import type { Member } from "./plan.js";

/**
 * What a walk reads, synchronously. `undefined`: not in memory; it has been noted, and the walk runs again once it is
 * loaded. Direct subjects are probed one key at a time; only usersets and arrow targets are listed. Each key comes with the
 * text of its object and relation, `document:1#viewer`, which the walk has made already.
 */
export interface Reads {
  /** The tuple that names the subject, which is the walk's own or the wildcard of its type; null where none stands. */
  probe(key: string, object: ObjectRef, relation: string, subject: SubjectRef): Tuple | null | undefined;

  /** The relation's tuples whose subject is of the kind. */
  list(key: string, object: ObjectRef, relation: string, kind: ListKind): TupleList | undefined;

  /**
   * The ids of the objects of which the walk's subject may have the relation, seen from the subject's side: of those that are not
   * among them it certainly has not. `unknown`: it cannot be said, or takes too much.
   */
  holders(member: Member): Ids | "unknown" | undefined;
  /** What a tuple grants, it grants until then at most. Absent: nobody asks by what time ends an answer. */
  expires?(at: Instant): void;
}

export type Ids = Pick<ReadonlySet<string>, "has">;

/** Which tuples of a relation are listed: those with subjects of a type, or with usersets of a type and relation. */
export interface ListKind {
  /** `folder`, `group#member`. */
  readonly text: string;
  readonly type: string;
  /** Undefined: whatever it is. */
  readonly relation: string | undefined;
}

/** `tooMany`: there are more than a walk may list. */
export type TupleList = readonly Tuple[] | typeof tooMany;

export const tooMany = Symbol("too many tuples");

export function listKind(type: string, relation?: string): ListKind {
  return { text: relation === undefined ? type : `${type}#${relation}`, type, relation };
}

export function isOfKind(subject: SubjectRef, kind: ListKind): boolean {
  return subject.type === kind.type && (kind.relation === undefined || subject.relation === kind.relation);
}

/** `document:1#viewer`, `document:1#view`: ids hold no `#`, types no `:`, so that no two objects and members share a text. */
export function memberKey(object: ObjectRef, member: string): string {
  return `${object.type}:${object.id}#${member}`;
}

/** `user:ana`, `group:sre#member`, `user:*`: as `memberKey`. */
export function subjectKey(subject: SubjectRef): string {
  return subject.relation === "" ? `${subject.type}:${subject.id}` : `${subject.type}:${subject.id}#${subject.relation}`;
}

/** `user:ana<group#member`: the groups whose members the subject is named among. */
export function upKey(subject: string, type: string, relation: string): string {
  return `${subject}<${type}#${relation}`;
}
