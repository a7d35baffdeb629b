import { checkName, checkType } from "../object.js";
import type {
  LookupCount, LookupExclusion, LookupObjectsRequest, LookupObjectsResponse, LookupObjectsResult, LookupPermissionsRequest, LookupPermissionsResponse,
  LookupPermissionsResult, LookupScope, LookupSubjectsRequest, LookupSubjectsResponse, LookupSubjectsResult,
} from "../service.js";
import { readConsistency, writeConsistency, type ConsistencyMessage } from "./consistency.js";
import { compact, readEach, required, uint32, unlessEmpty } from "./field.js";
import { readObject, readSubject, readTuple, writeTuple, type ObjectMessage, type SubjectMessage, type TupleMessage } from "./references.js";
import { contextFromStruct, contextToStruct, type StructMessage } from "./struct.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";

interface OptionsMessage {
  readonly context?: StructMessage | null | undefined;
  readonly contextualTuples?: readonly TupleMessage[] | undefined;
  readonly consistency?: ConsistencyMessage | null | undefined;
}

interface PagedMessage extends OptionsMessage {
  readonly idPrefix?: string | null | undefined;
  readonly pageSize?: number | null | undefined;
  readonly cursor?: string | null | undefined;
  readonly countOnly?: boolean | undefined;
}

export interface LookupObjectsRequestMessage extends PagedMessage {
  readonly objectType: string;
  readonly permission: string;
  readonly subject?: SubjectMessage | null;
  readonly within?: { readonly relation: string; readonly subject?: SubjectMessage | null } | null | undefined;
}

export interface LookupSubjectsRequestMessage extends PagedMessage {
  readonly object?: ObjectMessage | null;
  readonly permission: string;
  readonly subjectType: string;
  readonly subjectRelation?: string | undefined;
}

export interface LookupPermissionsRequestMessage extends OptionsMessage {
  readonly object?: ObjectMessage | null;
  readonly subject?: SubjectMessage | null;
  readonly relations?: boolean | undefined;
}

interface VerdictMessage {
  readonly allowed: boolean;
  readonly missingFields?: readonly string[] | undefined;
}

interface PageMessage {
  readonly zookie: string;
  readonly instant?: TimestampMessage | null;
  readonly count?: LookupCount | null | undefined;
  readonly cursor?: string | null | undefined;
}

export interface LookupObjectsResponseMessage extends PageMessage {
  readonly results: readonly (VerdictMessage & { readonly object?: ObjectMessage | null })[];
}

interface ExclusionMessage {
  readonly subject?: SubjectMessage | null;
  readonly conditional: boolean;
}

export interface LookupSubjectsResponseMessage extends PageMessage {
  readonly results: readonly (VerdictMessage & { readonly subject?: SubjectMessage | null; readonly excluded?: readonly ExclusionMessage[] | undefined })[];
}

export interface LookupPermissionsResponseMessage {
  readonly zookie: string;
  readonly instant?: TimestampMessage | null;
  readonly results: readonly (VerdictMessage & { readonly permission: string })[];
}

export function writeLookupObjectsRequest(request: LookupObjectsRequest): LookupObjectsRequestMessage {
  const { objectType, permission, subject, within } = request;
  return { objectType, permission, subject, within, ...writePaged(request) };
}

export function readLookupObjectsRequest(message: LookupObjectsRequestMessage): LookupObjectsRequest {
  return {
    objectType: checkType(message.objectType),
    permission: checkName(message.permission, "permission"),
    subject: readSubject(message.subject, "subject"),
    ...(message.within && { within: readScope(message.within) }),
    ...readPaged(message),
  };
}

export function writeLookupSubjectsRequest(request: LookupSubjectsRequest): LookupSubjectsRequestMessage {
  const { object, permission, subjectType, subjectRelation } = request;
  return { object, permission, subjectType, subjectRelation, ...writePaged(request) };
}

export function readLookupSubjectsRequest(message: LookupSubjectsRequestMessage): LookupSubjectsRequest {
  return {
    object: readObject(message.object, "object"),
    permission: checkName(message.permission, "permission"),
    subjectType: checkType(message.subjectType),
    ...(message.subjectRelation && { subjectRelation: checkName(message.subjectRelation, "relation") }),
    ...readPaged(message),
  };
}

export function writeLookupPermissionsRequest(request: LookupPermissionsRequest): LookupPermissionsRequestMessage {
  const { object, subject, relations } = request;
  return { object, subject, relations: relations || undefined, ...writeOptions(request) };
}

export function readLookupPermissionsRequest(message: LookupPermissionsRequestMessage): LookupPermissionsRequest {
  return {
    object: readObject(message.object, "object"),
    subject: readSubject(message.subject, "subject"),
    ...(message.relations === true && { relations: true }),
    ...readOptions(message),
  };
}

export function writeLookupObjectsResponse(response: LookupObjectsResponse): LookupObjectsResponseMessage {
  const results = response.results.map((result) => ({ object: result.object, ...writeVerdict(result) }));
  return { ...writePage(response), results };
}

export function readLookupObjectsResponse(message: LookupObjectsResponseMessage): LookupObjectsResponse {
  const results = readEach(message.results, "results", (result): LookupObjectsResult => ({ object: readObject(result.object, "object"), ...readVerdict(result) }));
  return { ...readPage(message), results };
}

export function writeLookupSubjectsResponse(response: LookupSubjectsResponse): LookupSubjectsResponseMessage {
  const results = response.results.map((result) => ({ subject: result.subject, ...writeVerdict(result), excluded: unlessEmpty(result.excluded) }));
  return { ...writePage(response), results };
}

export function readLookupSubjectsResponse(message: LookupSubjectsResponseMessage): LookupSubjectsResponse {
  const results = readEach(message.results, "results", (result): LookupSubjectsResult => ({
    subject: readSubject(result.subject, "subject"),
    ...readVerdict(result),
    excluded: readEach(result.excluded ?? [], "excluded", readExclusion),
  }));
  return { ...readPage(message), results };
}

export function writeLookupPermissionsResponse({ zookie, instant, results }: LookupPermissionsResponse): LookupPermissionsResponseMessage {
  return { zookie, instant: instantToTimestamp(instant), results: results.map((result) => ({ permission: result.permission, ...writeVerdict(result) })) };
}

export function readLookupPermissionsResponse(message: LookupPermissionsResponseMessage): LookupPermissionsResponse {
  const results = readEach(message.results, "results", (result): LookupPermissionsResult => ({ permission: checkName(result.permission, "permission"), ...readVerdict(result) }));
  return { zookie: message.zookie, instant: timestampToInstant(required(message.instant, "instant"), "instant"), results };
}

function writeOptions(request: LookupPermissionsRequest | LookupObjectsRequest | LookupSubjectsRequest): OptionsMessage {
  return {
    ...(request.context && { context: contextToStruct(request.context, "context") }),
    contextualTuples: request.contextualTuples && unlessEmpty(request.contextualTuples.map(writeTuple)),
    consistency: writeConsistency(request.consistency),
  };
}

function readOptions(message: OptionsMessage): Pick<LookupPermissionsRequest, "context" | "contextualTuples" | "consistency"> {
  return compact<Pick<LookupPermissionsRequest, "context" | "contextualTuples" | "consistency">>({
    context: message.context && contextFromStruct(message.context, "context"),
    contextualTuples: message.contextualTuples?.length ? readEach(message.contextualTuples, "contextual_tuples", readTuple) : undefined,
    consistency: readConsistency(message.consistency),
  });
}

function writePaged(request: LookupObjectsRequest | LookupSubjectsRequest): PagedMessage {
  const { idPrefix, pageSize, cursor, countOnly } = request;
  return { idPrefix, pageSize: pageSize === undefined ? undefined : uint32(pageSize, "page_size"), cursor, countOnly: countOnly || undefined, ...writeOptions(request) };
}

function readPaged(message: PagedMessage): Pick<LookupObjectsRequest, "idPrefix" | "pageSize" | "cursor" | "countOnly" | "context" | "contextualTuples" | "consistency"> {
  const { idPrefix, pageSize, cursor, countOnly } = message;
  return {
    ...compact<Pick<LookupObjectsRequest, "idPrefix" | "pageSize" | "cursor" | "countOnly">>({ idPrefix, pageSize, cursor, countOnly: countOnly || undefined }),
    ...readOptions(message),
  };
}

function readScope(message: NonNullable<LookupObjectsRequestMessage["within"]>): LookupScope {
  return { relation: checkName(message.relation, "relation"), subject: readSubject(message.subject, "within.subject") };
}

function writePage({ zookie, instant, count, cursor }: LookupObjectsResponse | LookupSubjectsResponse): PageMessage {
  return { zookie, instant: instantToTimestamp(instant), count, cursor };
}

function readPage({ zookie, instant, count, cursor }: PageMessage): Omit<LookupObjectsResponse, "results"> {
  return compact<Omit<LookupObjectsResponse, "results">>({
    zookie,
    instant: timestampToInstant(required(instant, "instant"), "instant"),
    count: count && { allowed: count.allowed, conditional: count.conditional },
    cursor,
  });
}

function writeVerdict({ allowed, missingFields }: { readonly allowed: boolean; readonly missingFields: readonly string[] }): VerdictMessage {
  return { allowed, missingFields: unlessEmpty(missingFields) };
}

function readVerdict({ allowed, missingFields }: VerdictMessage): { readonly allowed: boolean; readonly missingFields: readonly string[] } {
  return { allowed: allowed === true, missingFields: missingFields ?? [] };
}

function readExclusion({ subject, conditional }: ExclusionMessage): LookupExclusion {
  return { subject: readSubject(subject, "subject"), conditional: conditional === true };
}
