import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { object } from "../../../model/object.js";
import type { Tuple } from "../../../model/tuple.js";
import type { Values } from "../template.js";
import { invalid, type Json, type Question } from "./question.js";
import type { AuthzenMapping, TupleMapping } from "./mapping.js";

/**
 * The tuples that the mapping makes of a question. One of whose placeholders there is nothing is left out; a list makes a tuple each. Ids are ids: a value
 * that is `*`, or holds `#`, is refused rather than read as everybody or as a userset.
 * @throws `invalid_request`, `invalid_id`, `request_too_large`
 */
export function contextualTuplesOf(question: Question, { contextualTuples }: AuthzenMapping): readonly Tuple[] {
  const values = valuesOf(question);
  const tuples = contextualTuples.filter(({ when }) => applies(when, question)).flatMap((mapping) => tuplesOf(mapping, values));
  if (tuples.length <= limits.contextualTuplesMax) return tuples;
  throw new UsherError("request_too_large", `the properties make ${tuples.length} contextual tuples, more than ${limits.contextualTuplesMax}: send fewer`);
}

function applies(when: TupleMapping["when"], { subject, action, resource }: Question): boolean {
  const among = (names: readonly string[] | undefined, name: string) => names === undefined || names.includes(name);
  return when === undefined || (among(when.subject, subject.type) && among(when.action, action.name) && among(when.resource, resource.type));
}

function tuplesOf(mapping: TupleMapping, values: Values): Tuple[] {
  const subjects = mapping.subject.id.fill(values);
  return mapping.object.id.fill(values).flatMap((objectId) =>
    subjects.map((subjectId) => ({
      object: object(mapping.object.type, objectId),
      relation: mapping.relation,
      subject: { ...object(mapping.subject.type, subjectId), relation: mapping.subject.relation ?? "" },
    })),
  );
}

function valuesOf({ subject, action, resource, context }: Question): Values {
  const parts: Readonly<Record<string, Json>> = { subject: { ...subject }, action: { ...action }, resource: { ...resource }, context };
  return (placeholder) => {
    const [part = "", ...fields] = placeholder.split(".");
    let value: unknown = parts[part];
    for (const field of fields) value = isObject(value) && Object.hasOwn(value, field) ? value[field] : undefined;
    return textsOf(value, placeholder);
  };
}

function textsOf(value: unknown, field: string): readonly string[] {
  if (value === undefined || value === null || value === "") return [];
  if (Array.isArray(value)) return value.flatMap((each: unknown) => textsOf(each, field));
  if (typeof value === "string") return [value];
  if (typeof value === "number" && Number.isSafeInteger(value)) return [String(value)];
  throw invalid(field, "becomes part of a tuple: it must be a text, a whole number, or a list of them");
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
