import type { Instant } from "../base/clock.js";
import type { Context } from "./context.js";
import type { ObjectRef } from "./object.js";
import type { Consistency } from "./service.js";
import type { SubjectRef } from "./subject.js";
import type { Tuple } from "./tuple.js";

/** What every lookup may be given beside what it asks. */
interface LookupOptions {
  readonly context?: Context;
  /** Laid over the snapshot for this request alone. */
  readonly contextualTuples?: readonly Tuple[];
  readonly consistency?: Consistency;
}

interface PagedLookupOptions extends LookupOptions {
  /** Only ids that begin so. */
  readonly idPrefix?: string;
  /** Default `limits.pageTuplesDefault`, at most `limits.pageTuplesMax`. */
  readonly pageSize?: number;
  /** From the page before: it pins that page's snapshot and instant, and belongs to the same request. */
  readonly cursor?: string;
  /** No results, their number alone. */
  readonly countOnly?: boolean;
}

export interface LookupObjectsRequest extends PagedLookupOptions {
  readonly objectType: string;
  readonly permission: string;
  readonly subject: SubjectRef;
  /** Only objects whose relation names this subject in a tuple of its own, such as those whose `parent` is `folder:f`. */
  readonly within?: LookupScope;
}

export interface LookupScope {
  readonly relation: string;
  readonly subject: SubjectRef;
}

export interface LookupObjectsResponse extends LookupPage {
  /** In the order of their ids' bytes. */
  readonly results: readonly LookupObjectsResult[];
}

/** What the pages of lookups have in common. A page may hold fewer results than asked for, even none, and still have a cursor. */
interface LookupPage {
  /** The snapshot, the same for all pages. */
  readonly zookie: string;
  /** At which conditions and expirations are judged, the same for all pages. */
  readonly instant: Instant;
  /** With `countOnly`: how many this page comes to. Pages add up. */
  readonly count?: LookupCount;
  /** Absent on the last page. */
  readonly cursor?: string;
}

export interface LookupCount {
  readonly allowed: number;
  readonly conditional: number;
}

/** Not allowed: conditional on the missing fields. */
export interface LookupObjectsResult {
  readonly object: ObjectRef;
  readonly allowed: boolean;
  readonly missingFields: readonly string[];
}

export interface LookupSubjectsRequest extends PagedLookupOptions {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subjectType: string;
  /** Not empty: usersets of this relation or permission. */
  readonly subjectRelation?: string;
}

export interface LookupSubjectsResponse extends LookupPage {
  /** The wildcard first, where one grants; then in the order of their ids' bytes. */
  readonly results: readonly LookupSubjectsResult[];
}

/** Not allowed: conditional on the missing fields. */
export interface LookupSubjectsResult {
  /** A wildcard stands for all ids that are neither listed for themselves nor excluded. */
  readonly subject: SubjectRef;
  readonly allowed: boolean;
  readonly missingFields: readonly string[];
  /** Of a wildcard. */
  readonly excluded: readonly LookupExclusion[];
}

/** Somebody whom a wildcard does not cover. */
export interface LookupExclusion {
  readonly subject: SubjectRef;
  /** Not certainly denied: listed as a conditional result of its own. */
  readonly conditional: boolean;
}

export interface LookupPermissionsRequest extends LookupOptions {
  readonly object: ObjectRef;
  readonly subject: SubjectRef;
  /** Relations too. */
  readonly relations?: boolean;
}

export interface LookupPermissionsResponse {
  readonly zookie: string;
  readonly instant: Instant;
  /** Every permission of the object's type, in the order of the schema. */
  readonly results: readonly LookupPermissionsResult[];
}

/** Neither allowed nor missing fields: denied. */
export interface LookupPermissionsResult {
  readonly permission: string;
  readonly allowed: boolean;
  readonly missingFields: readonly string[];
}
