import { UsherError } from "../../../base/errors.js";
import type { Context, ContextValue } from "../../../model/context.js";
import { object, quote, type ObjectRef } from "../../../model/object.js";
import { isWildcard, subject, type SubjectRef } from "../../../model/subject.js";
import type { Tuple } from "../../../model/tuple.js";
import { nativeName, openfgaName, relationOf, shapeOfSubject, tupleRelation } from "./names.js";

/** A tuple as OpenFGA's API has it. */
export interface TupleKey {
  readonly user: string;
  readonly relation: string;
  readonly object: string;
  readonly condition?: { readonly name: string; readonly context?: Context };
}

/** A reference by OpenFGA's own names. */
export interface Reference {
  readonly type: string;
  readonly id: string;
  readonly relation: string;
}

/** `document:1`: the type ends at the first colon. @throws `invalid_request` */
export function parseObject(text: string, field = "object"): Reference {
  const at = text.indexOf(":");
  const [type, id] = [text.slice(0, at), text.slice(at + 1)];
  if (at <= 0 || id === "" || id === "*" || text.includes("#")) throw invalid(field, text, "must be `type:id`");
  return { type, id, relation: "" };
}

/** `user:ana`, `group:eng#member`, `user:*`. @throws `invalid_request` */
export function parseUser(text: string, field = "user"): Reference {
  const at = text.indexOf(":");
  const hash = text.indexOf("#");
  const relation = hash < 0 ? "" : text.slice(hash + 1);
  const [type, id] = [text.slice(0, at), text.slice(at + 1, hash < 0 ? undefined : hash)];
  if (at <= 0 || id === "" || (hash >= 0 && (hash < at || relation === "" || id === "*")) || relation.includes("#")) throw invalid(field, text, "must be `type:id`, `type:id#relation` or `type:*`");
  return { type, id, relation };
}

/** @throws `invalid_id`, `invalid_name` */
export function nativeObject({ type, id }: Reference): ObjectRef {
  return object(nativeName(type), id);
}

/** @throws `invalid_id`, `invalid_name` */
export function nativeSubject({ type, id, relation }: Reference): SubjectRef {
  return subject(nativeName(type), id, relation === "" ? "" : nativeName(relation));
}

/** @throws as `parseObject`, `parseUser` */
export function nativeTuple({ user, relation, object: about, condition }: TupleKey): Tuple {
  const who = parseUser(user);
  const tuple = { object: nativeObject(parseObject(about)), relation: tupleRelation(relation, shapeOfSubject(who)), subject: nativeSubject(who) };
  return condition === undefined ? tuple : { ...tuple, condition: { name: nativeName(condition.name), context: nativeContext(condition.context ?? {}) } };
}

export function tupleKeyOf({ object: about, relation, subject: who, condition }: Tuple): TupleKey {
  const key = { user: userText(who), relation: relationOf(relation) ?? openfgaName(relation), object: objectText(about) };
  if (condition === undefined) return key;
  return { ...key, condition: { name: openfgaName(condition.name), context: renamed(condition.context, openfgaName) } };
}

export function objectText({ type, id }: ObjectRef): string {
  return `${openfgaName(type)}:${id}`;
}

export function userText(who: SubjectRef): string {
  return `${objectText(who)}${who.relation === "" || isWildcard(who) ? "" : `#${openfgaName(who.relation)}`}`;
}

/** Parameters go by their native names. */
export function nativeContext(context: Context): Context {
  return renamed(context, nativeName);
}

function renamed(context: Context, rename: (name: string) => string): Context {
  return Object.fromEntries(Object.entries(context).map(([name, value]): [string, ContextValue] => [rename(name), value]));
}

function invalid(field: string, text: string, problem: string): UsherError {
  return new UsherError("invalid_request", `field \`${field}\` is ${quote(text)}: it ${problem}`, { details: { field } });
}
