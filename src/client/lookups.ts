import { checkName } from "../model/object.js";
import type {
  LookupCount, LookupExclusion, LookupObjectsRequest, LookupObjectsResponse, LookupPermissionsRequest, LookupScope, LookupSubjectsRequest, LookupSubjectsResponse, LookupSubjectsResult,
} from "../model/service.js";
import type { SubjectRef } from "../model/subject.js";
import { toObject, toSubject, toTuple, type ObjectLike, type SubjectLike, type TupleLike } from "./references.js";

/** What every lookup may be given beside what it asks. Aborting the signal ends it with `cancelled`. */
interface LookupOptions extends Pick<LookupObjectsRequest, "context" | "consistency"> {
  readonly contextualTuples?: readonly TupleLike[];
  readonly signal?: AbortSignal;
}

interface PagedOptions extends LookupOptions, Pick<LookupObjectsRequest, "idPrefix" | "pageSize"> {}

export interface LookupObjectsOptions extends PagedOptions {
  /** Only objects whose relation names this subject: `{ relation: "parent", subject: "folder:f" }`. */
  readonly within?: { readonly relation: string; readonly subject: SubjectLike };
}

export type LookupSubjectsOptions = PagedOptions;

/** `relations`: relations too. */
export type LookupPermissionsOptions = LookupOptions & Pick<LookupPermissionsRequest, "relations">;

/** A subject that is allowed. A wildcard, id `*`, stands for all of its type but `excluded`, whom it does not cover or not for certain. */
export interface FoundSubject extends SubjectRef {
  readonly excluded: readonly SubjectRef[];
}

export function objectsRequest(objectType: string, permission: string, subject: SubjectLike, options: LookupObjectsOptions): LookupObjectsRequest {
  const { within, ...rest } = options;
  return { ...given(rest), objectType, permission, subject: toSubject(subject), ...(within && { within: toScope(within) }) };
}

/** @param kind `user`, or `team#member` for usersets @throws `invalid_name` for `team#`, which names none */
export function subjectsRequest(object: ObjectLike, permission: string, kind: string, options: LookupSubjectsOptions): LookupSubjectsRequest {
  const at = kind.indexOf("#");
  const of = at < 0 ? { subjectType: kind } : { subjectType: kind.slice(0, at), subjectRelation: checkName(kind.slice(at + 1), "relation") };
  return { ...given(options), object: toObject(object), permission, ...of };
}

export function permissionsRequest(object: ObjectLike, subject: SubjectLike, options: LookupPermissionsOptions): LookupPermissionsRequest {
  return { ...given(options), object: toObject(object), subject: toSubject(subject) };
}

/** Pages one after the other, each asked for when the one before has been consumed. */
export async function* pages<Page extends { readonly cursor?: string }>(read: (further: { readonly cursor?: string }) => Promise<Page>): AsyncGenerator<Page, void> {
  for (let page = await read({}); ; page = await read({ cursor: page.cursor })) {
    yield page;
    if (page.cursor === undefined) return;
  }
}

/** What all pages of a count come to. */
export async function total(counts: AsyncIterable<LookupObjectsResponse | LookupSubjectsResponse>): Promise<LookupCount> {
  let [allowed, conditional] = [0, 0];
  for await (const { count } of counts) {
    allowed += count?.allowed ?? 0;
    conditional += count?.conditional ?? 0;
  }
  return { allowed, conditional };
}

export function foundSubject({ subject, excluded }: LookupSubjectsResult): FoundSubject {
  return { ...subject, excluded: excluded.map((exclusion: LookupExclusion) => exclusion.subject) };
}

function given<Options extends LookupOptions>({ contextualTuples, signal: _, ...options }: Options) {
  return { ...options, ...(contextualTuples && { contextualTuples: contextualTuples.map(toTuple) }) };
}

function toScope({ relation, subject }: NonNullable<LookupObjectsOptions["within"]>): LookupScope {
  return { relation, subject: toSubject(subject) };
}
