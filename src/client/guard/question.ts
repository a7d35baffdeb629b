import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { checkContext, type Context } from "../../model/context.js";
import { checkName, object, quote } from "../../model/object.js";
import { isWildcard, subject } from "../../model/subject.js";
import { toObject, toSubject, type ObjectLike, type SubjectLike } from "../references.js";
import type { Question } from "./held-decision.js";

/** What a question may be asked with. */
export interface QuestionOptions {
  readonly context?: Context;
  /** A context that `Guard.setContext` sets, for many holds at once; fields of `context` win over it. */
  readonly contextName?: string;
}

/**
 * A question as it was checked, under its key. Two of one key are the same question: in a key the parts of a reference are apart by a character
 * that none of them may have, and the context that is sent is the one that the key spells out.
 *
 *     node⏎n1⏎restart⏎user⏎ana⏎⏎"office"⏎{"hour":9}
 */
export function toQuestion(about: ObjectLike, permission: string, who: SubjectLike, options: QuestionOptions): { readonly key: string; readonly question: Question } {
  const given = toObject(about);
  const asked = object(given.type, given.id);
  const asking = toSubject(who);
  const by = subject(asking.type, asking.id, asking.relation);
  if (isWildcard(by)) throw new UsherError("invalid_request", `subject ${quote(`${by.type}:*`)} is a wildcard: a hold is about one subject`);
  const question: Question = { object: asked, permission: checkName(permission, "permission"), subject: by };
  const key = `${asked.type}\n${asked.id}\n${permission}\n${by.type}\n${by.id}\n${by.relation}`;
  return options.context === undefined && options.contextName === undefined ? { key, question } : withContext(key, question, options);
}

function withContext(key: string, question: Question, { context, contextName }: QuestionOptions): { readonly key: string; readonly question: Question } {
  const name = contextName === undefined ? undefined : checkContextName(contextName);
  const text = context === undefined ? "" : JSON.stringify(checkContext(context, "the context of a hold"));
  return {
    key: `${key}\n${name === undefined ? "" : JSON.stringify(name)}\n${text}`,
    question: {
      ...question,
      ...(name === undefined ? {} : { contextName: name }),
      ...(context === undefined ? {} : { context: JSON.parse(text) as Context }),
    },
  };
}

/** @throws `invalid_request` */
export function checkContextName(name: string): string {
  if (typeof name === "string" && name !== "" && name.isWellFormed() && Buffer.byteLength(name) <= limits.idBytesMax) return name;
  throw new UsherError("invalid_request", `the name of a context is ${quote(name)}: it must be 1 to ${limits.idBytesMax} bytes of text`);
}
