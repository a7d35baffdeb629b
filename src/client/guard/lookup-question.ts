import { UsherError } from "../../base/errors.js";
import { checkContext, type Context } from "../../model/context.js";
import type { LookupHold } from "../../model/live.js";
import { checkName, checkType, object, quote } from "../../model/object.js";
import { isWildcard, subject } from "../../model/subject.js";
import { toObject, toSubject, type ObjectLike, type SubjectLike } from "../references.js";
import { checkContextName, type QuestionOptions } from "./question.js";

/** Which subjects are held. */
export interface SubjectsOptions extends QuestionOptions {
  /** Usersets of this relation. Default: objects of the type. */
  readonly subjectRelation?: string;
}

type Asked = Omit<LookupHold, "id">;

/** @throws `invalid_request`, `invalid_name`, `invalid_id`, `invalid_context` */
export function toObjects(type: string, permission: string, who: SubjectLike, options: QuestionOptions): Asked {
  const asking = toSubject(who);
  const by = subject(asking.type, asking.id, asking.relation);
  if (isWildcard(by)) throw new UsherError("invalid_request", `subject ${quote(`${by.type}:*`)} is a wildcard: a set of objects is of one subject`);
  return { what: { kind: "objects", type: checkType(type), permission: checkName(permission, "permission"), subject: by }, ...givenOf(options) };
}

/** @throws as `toObjects` */
export function toSubjects(about: ObjectLike, permission: string, subjectType: string, { subjectRelation = "", ...options }: SubjectsOptions): Asked {
  const given = toObject(about);
  return {
    what: {
      kind: "subjects",
      object: object(given.type, given.id),
      permission: checkName(permission, "permission"),
      subjectType: checkType(subjectType),
      ...(subjectRelation === "" ? {} : { subjectRelation: checkName(subjectRelation, "relation") }),
    },
    ...givenOf(options),
  };
}

/** A copy of the context: what is changed later is not sent. */
function givenOf({ context, contextName }: QuestionOptions): Pick<Asked, "context" | "contextName"> {
  return {
    ...(context === undefined ? {} : { context: JSON.parse(JSON.stringify(checkContext(context, "the context of a set"))) as Context }),
    ...(contextName === undefined ? {} : { contextName: checkContextName(contextName) }),
  };
}
