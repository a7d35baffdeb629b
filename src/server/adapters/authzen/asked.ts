import type { Context } from "../../../model/context.js";
import { checkName, object, type ObjectRef } from "../../../model/object.js";
import type { BatchCheckItem } from "../../../model/service.js";
import type { SubjectRef } from "../../../model/subject.js";
import type { Tuple } from "../../../model/tuple.js";
import { contextualTuplesOf } from "./contextual-tuples.js";
import type { AuthzenMapping } from "./mapping.js";
import { invalid, type Entity, type Question } from "./question.js";

/** What is given to conditions beside the context's own fields, where it was sent. */
const reserved = ["subject_properties", "action_properties", "resource_properties"] as const;

/** A question as a check. @throws `invalid_id`, `invalid_name`, and as `asked` */
export function checkOf(question: Question, mapping: AuthzenMapping): BatchCheckItem {
  const { action, resource, subject } = question;
  return { object: object(resource.type, resource.id), permission: checkName(action.name, "action"), subject: subjectOf(subject), ...asked(question, mapping) };
}

/** An id is an id, never everybody: `object` refuses `*`. @throws `invalid_id`, `invalid_name` */
export function subjectOf({ type, id }: Entity): SubjectRef {
  return { ...object(type, id), relation: "" };
}

export function objectOf({ type, id }: Entity): ObjectRef {
  return object(type, id);
}

/** What checks and lookups have in common. @throws `invalid_request`, and as `contextualTuplesOf` */
export function asked(question: Question, mapping: AuthzenMapping): { readonly context: Context; readonly contextualTuples?: readonly Tuple[] } {
  const tuples = contextualTuplesOf(question, mapping);
  return { context: contextOf(question), ...(tuples.length === 0 ? {} : { contextualTuples: tuples }) };
}

/** The service holds it against the rules for contexts. */
function contextOf({ subject, action, resource, context }: Question): Context {
  for (const field of reserved) {
    if (Object.hasOwn(context, field)) throw invalid(`context.${field}`, "is made of the properties: send them there");
  }
  const properties = { subject_properties: subject.properties, action_properties: action.properties, resource_properties: resource.properties };
  const given = Object.entries(properties).filter(([, value]) => value !== undefined);
  return { ...context, ...Object.fromEntries(given) } as Context;
}
