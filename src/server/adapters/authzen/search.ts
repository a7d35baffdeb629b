import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { checkName, checkType, quote } from "../../../model/object.js";
import type { Call, LookupSubjectsResult, Service } from "../../../model/service.js";
import { isWildcard } from "../../../model/subject.js";
import { denialOf } from "../denials.js";
import { asked, objectOf, subjectOf } from "./asked.js";
import type { AuthzenMapping } from "./mapping.js";
import { errorBody } from "./outcome.js";
import { invalid, readObject, readQuestion, type Json, type Question } from "./question.js";

/** A search, and which page of it. */
export interface Search {
  readonly question: Question;
  readonly page: { readonly pageSize?: number; readonly cursor?: string };
}

/** AuthZEN's answer to a search. */
export interface Found {
  readonly results: readonly object[];
  readonly page: { readonly next_token: string; readonly count: number };
  readonly context: object;
}

/** @throws `invalid_request` */
export function readSearch(body: unknown, sought: "subject" | "action" | "resource"): Search {
  const from = readObject(body, "body");
  return { question: readQuestion(from, sought), page: readPage(from.page === undefined ? {} : readObject(from.page, "page")) };
}

/** The token stood under `next_token` in drafts. */
function readPage({ limit, token, next_token: draft }: Json): Search["page"] {
  if (limit !== undefined && !(Number.isInteger(limit) && Number(limit) >= 1)) throw invalid("page.limit", `is ${quote(limit)}: give a whole number from 1 on`);
  const given = token ?? draft ?? "";
  if (typeof given !== "string") throw invalid("page.token", "must be a text");
  return { ...(limit === undefined ? {} : { pageSize: Math.min(Number(limit), limits.pageTuplesMax) }), ...(given === "" ? {} : { cursor: given }) };
}

/**
 * Who may. A wildcard is nobody whom a question could name, so it is no result: the context tells of it. So it is of what is conditional: a search has
 * those alone of whom an evaluation says true.
 */
export function searchSubjects(service: Service, { question, page }: Search, mapping: AuthzenMapping, call: Call): Promise<Found> {
  return unlessUnknown(async () => {
    const { subject, action, resource } = question;
    const request = { object: objectOf(resource), permission: checkName(action.name, "action"), subjectType: checkType(subject.type), ...asked(question, mapping), ...page };
    const { results, zookie, cursor } = await service.lookupSubjects(request, call);
    const found = results.filter((each) => each.allowed && !isWildcard(each.subject)).map(({ subject: { type, id } }) => ({ type, id }));
    return foundOf(found, { zookie, ...wildcardOf(results.find((each) => isWildcard(each.subject))) }, cursor);
  });
}

/** Which. */
export function searchResources(service: Service, { question, page }: Search, mapping: AuthzenMapping, call: Call): Promise<Found> {
  return unlessUnknown(async () => {
    const { subject, action, resource } = question;
    const request = { objectType: checkType(resource.type), permission: checkName(action.name, "action"), subject: subjectOf(subject), ...asked(question, mapping), ...page };
    const { results, zookie, cursor } = await service.lookupObjects(request, call);
    return foundOf(results.filter(({ allowed }) => allowed).map(({ object: { type, id } }) => ({ type, id })), { zookie }, cursor);
  });
}

/** What: all of it is one page. */
export function searchActions(service: Service, { question, page }: Search, mapping: AuthzenMapping, call: Call): Promise<Found> {
  if (page.cursor !== undefined) throw new UsherError("invalid_cursor", "a search for actions has one page: leave `page.token` out");
  return unlessUnknown(async () => {
    const { results, zookie } = await service.lookupPermissions({ object: objectOf(question.resource), subject: subjectOf(question.subject), ...asked(question, mapping) }, call);
    return foundOf(results.filter(({ allowed }) => allowed).map(({ permission }) => ({ name: permission })), { zookie }, undefined);
  });
}

/** What the schema does not know, nobody may, and it is no failure to ask. @throws what is no answer */
async function unlessUnknown(search: () => Promise<Found>): Promise<Found> {
  try {
    return await search();
  } catch (thrown) {
    return foundOf([], { error: errorBody(denialOf(thrown)) }, undefined);
  }
}

function foundOf(results: readonly object[], context: object, cursor: string | undefined): Found {
  return { results, page: { next_token: cursor ?? "", count: results.length }, context };
}

function wildcardOf(result: LookupSubjectsResult | undefined): object {
  if (result === undefined || !result.allowed) return {};
  return { everybody: { type: result.subject.type, except: result.excluded.map(({ subject }) => subject.id) } };
}
