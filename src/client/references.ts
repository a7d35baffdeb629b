import type { ObjectRef } from "../model/object.js";
import type { Operation } from "../model/service.js";
import type { SubjectRef } from "../model/subject.js";
import { parseObject, parseSubject, parseTuple } from "../model/tuple-text.js";
import type { Tuple } from "../model/tuple.js";

/** `"node:n1"`, for literals; `object("node", id)` where the id comes from outside. */
export type ObjectLike = string | ObjectRef;

/** `"user:ana"`, `"team:sre#member"`, for literals; `object()` or `subject()` where the id comes from outside. */
export type SubjectLike = string | ObjectRef | SubjectRef;

/** `"team:sre#member@user:ana"`, for literals; a Tuple where an id comes from outside. */
export type TupleLike = string | Tuple;

export function toObject(reference: ObjectLike): ObjectRef {
  return typeof reference === "string" ? parseObject(reference) : reference;
}

/** An object is a subject too. */
export function toSubject(reference: SubjectLike): SubjectRef {
  if (typeof reference === "string") return parseSubject(reference);
  return { type: reference.type, id: reference.id, relation: "relation" in reference ? reference.relation : "" };
}

export function toTuple(reference: TupleLike): Tuple {
  return typeof reference === "string" ? parseTuple(reference) : reference;
}

/** Fails where the tuple stands. @throws `invalid_tuple`, `invalid_id`, `invalid_name` for a text that is no tuple */
export function create(tuple: TupleLike): Operation {
  return { kind: "create", tuple: toTuple(tuple) };
}

/** Writes the tuple, whether it stands or not. @throws as `create` */
export function touch(tuple: TupleLike): Operation {
  return { kind: "touch", tuple: toTuple(tuple) };
}

/** Deletes the tuple; its absence is no error. @throws as `create` */
export function remove(tuple: TupleLike): Operation {
  return { kind: "delete", tuple: toTuple(tuple) };
}
