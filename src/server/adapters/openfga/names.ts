import { isWildcard } from "../../../model/subject.js";

/** What a relation is assigned to: a kind of subject, without its id. */
export interface SubjectShape {
  readonly type: string;
  /** Empty unless it is a userset. */
  readonly relation: string;
  readonly wildcard: boolean;
}

/** Words that the schema language keeps to itself, or the evaluation: `now` is filled by the server. */
const reserved: ReadonlySet<string> = new Set(["definition", "caveat", "relation", "permission", "nil", "with", "expiration", "now"]);

/** What a native name cannot hold, and two `_` in a row, which begin an escape. */
const strange = /[^A-Za-z0-9_]|^[0-9]|_(?=_)|(?<=_)_/gu;
const escape = /__([0-9a-f]+)_/g;

/**
 * A name of a type, relation, condition or parameter in the native schema. Most stay as they are; what the schema language refuses is escaped by its
 * code point, so that no two names become one:
 *
 *     can-view     can__2d_view
 *     relation     __72_elation
 *     a__b         a__5f___5f_b
 */
export function nativeName(name: string): string {
  const escaped = name.replace(strange, escaped1);
  return reserved.has(escaped) ? escaped.replace(/^./, escaped1) : escaped;
}

function escaped1(character: string): string {
  return `__${(character.codePointAt(0) ?? 0).toString(16)}_`;
}

/** The name that `nativeName` was given. */
export function openfgaName(native: string): string {
  return native.replace(escape, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)));
}

/**
 * The native relation that holds a relation's tuples with subjects of one shape. What is asked is the permission, which has the relation's own name:
 *
 *     define viewer: [user, user:*, group#member] or editor
 *
 *     relation viewer__is__user: user
 *     relation viewer__all__user: user:*
 *     relation viewer__in__group__member: group#member
 *     permission viewer = viewer__is__user + viewer__all__user + viewer__in__group__member + editor
 *
 * A name never holds two `_` of its own, so that these are nobody else's.
 */
export function tupleRelation(relation: string, { type, relation: userset, wildcard }: SubjectShape): string {
  const shape = wildcard ? "all" : userset === "" ? "is" : "in";
  return `${nativeName(relation)}__${shape}__${nativeName(type)}${userset === "" ? "" : `__${nativeName(userset)}`}`;
}

/** The relation, as OpenFGA has it, whose tuples a native relation holds; undefined: it is none of these. */
export function relationOf(native: string): string | undefined {
  const [, name] = /^(.+?)__(?:is|all|in)__/.exec(native) ?? [];
  return name === undefined ? undefined : openfgaName(name);
}

export function shapeOfSubject(subject: { readonly type: string; readonly id: string; readonly relation: string }): SubjectShape {
  return { type: subject.type, relation: subject.relation, wildcard: isWildcard(subject) };
}
