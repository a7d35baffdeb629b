import { UsherError } from "../base/errors.js";
import { formatObject, quote, type ObjectRef } from "../model/object.js";
import { formatSubject, isWildcard, type SubjectRef } from "../model/subject.js";
import { parseSubject } from "../model/tuple-text.js";
import type { SubjectEntry } from "../evaluation/subject-set.js";

/** A relation or permission of an object, `document:1#view`. */
export interface MemberText {
  readonly object: ObjectRef;
  readonly member: string;
}

/** A subject with the relations through which it is found: an entry of a `validation` block, in the terms of a subject set. */
export type ExpectedSubject = SubjectEntry;

const conditionalMark = "[...]";

/** @throws `invalid_tuple`, `invalid_id`, `invalid_name` */
export function parseMember(text: string): MemberText {
  const { type, id, relation } = parseSubject(text.trim());
  if (relation === "" || id === "*") throw new UsherError("invalid_tuple", `${quote(text)} is not \`type:id#permission\``);
  return { object: { type, id }, member: relation };
}

/**
 * Reads an entry of a `validation` block:
 *
 *     [user:ana] is <document:1#viewer>
 *     [user:bo[...]] is <document:1#viewer>/<team:x#member>
 *     [user:* - {user:cy, user:di[...]}] is <document:1#viewer>
 *
 * `[...]` says that conditions decide.
 * @throws `invalid_tuple`, `invalid_id`, `invalid_name`
 */
export function parseExpectedSubject(text: string): ExpectedSubject {
  const [, inner, relations] = /^\s*\[(.*)\]\s+is\s+(.*?)\s*$/.exec(text) ?? [];
  if (inner === undefined || relations === undefined) throw refuse(text);
  const [, subjectText = "", exclusions] = /^(.*?)(?:\s+-\s+\{(.*)\})?$/.exec(inner.trim()) ?? [];
  const { subject, conditional } = parseMarked(subjectText);
  const excluded = exclusions === undefined ? [] : exclusions.split(",").map(parseMarked);
  if (excluded.length > 0 && !isWildcard(subject)) throw new UsherError("invalid_tuple", `${quote(text)} excludes from ${quote(subjectText)}, which is no wildcard`);
  const through = relations.split(/>\s*\/\s*</).map((each) => each.replace(/^</, "").replace(/>$/, ""));
  if (!/^<.*>$/.test(relations) || through.some((each) => /[<>]/.test(each))) throw refuse(text);
  const names = through.map(parseMember).map(({ object, member }) => `${formatObject(object)}#${member}`);
  return { subject, conditional, excluded: excluded.sort(bySubjectText), through: [...new Set(names)].sort() };
}

/** An entry as `parseExpectedSubject` reads it. */
export function formatEntry(entry: SubjectEntry): string {
  const excluded = entry.excluded.length === 0 ? "" : ` - {${entry.excluded.map(formatMarked).join(", ")}}`;
  return `[${formatMarked(entry)}${excluded}] is ${entry.through.map((each) => `<${each}>`).join("/")}`;
}

function parseMarked(text: string): { subject: SubjectRef; conditional: boolean } {
  const trimmed = text.trim();
  const conditional = trimmed.endsWith(conditionalMark);
  return { subject: parseSubject(conditional ? trimmed.slice(0, -conditionalMark.length) : trimmed), conditional };
}

function formatMarked({ subject, conditional }: { readonly subject: SubjectRef; readonly conditional: boolean }): string {
  return formatSubject(subject) + (conditional ? conditionalMark : "");
}

function bySubjectText(a: { readonly subject: SubjectRef }, b: { readonly subject: SubjectRef }): number {
  return formatSubject(a.subject) < formatSubject(b.subject) ? -1 : 1;
}

function refuse(text: string): UsherError {
  return new UsherError("invalid_tuple", `${quote(text)} is not \`[subject] is <object#relation>/…\``);
}
