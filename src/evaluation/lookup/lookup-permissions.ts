import type { Context } from "../../model/context.js";
import { formatObject, type ObjectRef } from "../../model/object.js";
import type { LookupPermissionsResult } from "../../model/service.js";
import type { SubjectRef } from "../../model/subject.js";
import type { Tuple } from "../../model/tuple.js";
import type { Ground } from "../evaluate.js";
import { answersOf, verdictOf, type Verdict } from "./verdicts.js";

export interface PermissionLookup {
  readonly object: ObjectRef;
  readonly subject: SubjectRef;
  readonly context: Context;
  readonly contextualTuples: readonly Tuple[];
  /** Relations too. */
  readonly relations: boolean;
}

const denied: Verdict = Object.freeze({ allowed: false, missingFields: [] });

/**
 * What a subject may do to an object: every permission of its type with its answer, in the order of the schema. They are asked
 * together, so that what one finds out serves the others.
 *
 * @throws the error of a permission that cannot be decided, `cancelled`, `deadline_exceeded`
 */
export async function lookupPermissions(lookup: PermissionLookup, ground: Ground, signal?: AbortSignal): Promise<LookupPermissionsResult[]> {
  const { object, subject, context, contextualTuples, relations } = lookup;
  const members = [...(ground.schema.definitions.get(object.type)?.members.values() ?? [])].filter(({ kind }) => relations || kind === "permission");
  const answers = await answersOf(members.map(({ name }) => ({ object, permission: name, subject, context, contextualTuples })), ground, signal);
  return members.map(({ name }, i) => ({ permission: name, ...(verdictOf(answers[i], `${formatObject(object)}#${name}`) ?? denied) }));
}
