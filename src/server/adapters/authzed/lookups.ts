import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { checkName, checkType } from "../../../model/object.js";
import type { Call, LookupExclusion, LookupObjectsRequest, LookupObjectsResult, LookupSubjectsRequest, LookupSubjectsResult } from "../../../model/service.js";
import { isWildcard } from "../../../model/subject.js";
import { compact } from "../../../model/wire/field.js";
import { contextFromStruct, type StructMessage } from "../../../model/wire/struct.js";
import { lookupPermissionships, type PartialCaveatMessage } from "./answers.js";
import { readConsistency, type ConsistencyMessage, type Reads, type TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";
import { isAfter, LookupCursors, type LookupPosition } from "./lookup-cursor.js";
import { readAsked, readObject, readSubjectRelation, type ObjectMessage, type SubjectMessage } from "./references.js";

interface LookupMessage {
  readonly consistency?: ConsistencyMessage | null;
  readonly permission: string;
  readonly context?: StructMessage | null;
  readonly optionalCursor?: TokenMessage | null;
}

interface ResourcesRequestMessage extends LookupMessage {
  readonly resourceObjectType: string;
  readonly subject?: SubjectMessage | null;
  readonly optionalLimit: number;
}

interface SubjectsRequestMessage extends LookupMessage {
  readonly resource?: ObjectMessage | null;
  readonly subjectObjectType: string;
  readonly optionalSubjectRelation: string;
  readonly optionalConcreteLimit: number;
  readonly wildcardOption: number;
}

interface FoundMessage {
  readonly permissionship: number;
  readonly partialCaveatInfo?: PartialCaveatMessage;
}

interface ResourcesResponseMessage extends FoundMessage {
  readonly lookedUpAt: TokenMessage;
  readonly resourceObjectId: string;
  readonly afterResultCursor: TokenMessage;
}

interface ResolvedMessage extends FoundMessage {
  readonly subjectObjectId: string;
}

interface SubjectsResponseMessage extends ResolvedMessage {
  readonly lookedUpAt: TokenMessage;
  readonly excludedSubjectIds: readonly string[];
  readonly subject: ResolvedMessage;
  readonly excludedSubjects: readonly ResolvedMessage[];
  readonly afterResultCursor: TokenMessage;
}

/** A lookup of ours, and how much of it is wanted. */
export interface Lookup<Request> {
  readonly request: Request;
  /** Infinity: all. */
  readonly limit: number;
  readonly cursor?: string;
}

export interface SubjectsLookup extends Lookup<LookupSubjectsRequest> {
  readonly wildcards: boolean;
}

export interface Found<Result> {
  readonly zookie: string;
  readonly result: Result;
  readonly cursor: string;
}

/** `WildcardOption`; unspecified includes them. */
const excludeWildcards = 2;

export const resourcesRequest = new RequestReader<Lookup<LookupObjectsRequest>, ResourcesRequestMessage>("LookupResourcesRequest", (message) =>
  compact<Lookup<LookupObjectsRequest>>({
    request: {
      objectType: checkType(message.resourceObjectType),
      permission: checkName(message.permission, "permission"),
      subject: readAsked(message.subject),
      ...readGiven(message),
    },
    limit: message.optionalLimit || Infinity,
    cursor: message.optionalCursor?.token,
  }),
);

export const resourcesResponse = new ResponseWriter<Found<LookupObjectsResult>, ResourcesResponseMessage>("LookupResourcesResponse", ({ zookie, result, cursor }) => ({
  lookedUpAt: { token: zookie },
  resourceObjectId: result.object.id,
  ...writeFound(result),
  afterResultCursor: { token: cursor },
}));

export const subjectsRequest = new RequestReader<SubjectsLookup, SubjectsRequestMessage>("LookupSubjectsRequest", (message) => {
  const relation = readSubjectRelation(message.optionalSubjectRelation);
  if (message.wildcardOption < 0 || message.wildcardOption > excludeWildcards) throw new UsherError("invalid_request", `field \`wildcard_option\` is \`${message.wildcardOption}\`, which is no option`, { details: { field: "wildcard_option" } });
  return compact<SubjectsLookup>({
    request: {
      object: readObject(message.resource, "resource"),
      permission: checkName(message.permission, "permission"),
      subjectType: checkType(message.subjectObjectType),
      ...(relation !== "" && { subjectRelation: checkName(relation, "relation") }),
      ...readGiven(message),
    },
    limit: message.optionalConcreteLimit || Infinity,
    cursor: message.optionalCursor?.token,
    wildcards: message.wildcardOption !== excludeWildcards,
  });
});

export const subjectsResponse = new ResponseWriter<Found<LookupSubjectsResult>, SubjectsResponseMessage>("LookupSubjectsResponse", ({ zookie, result, cursor }) => {
  const subject = { subjectObjectId: result.subject.id, ...writeFound(result) };
  return {
    lookedUpAt: { token: zookie },
    ...subject,
    subject,
    excludedSubjectIds: result.excluded.map(({ subject: { id } }) => id),
    excludedSubjects: result.excluded.map(writeExcluded),
    afterResultCursor: { token: cursor },
  };
});

export async function* lookupResources(reads: Reads, lookup: Lookup<LookupObjectsRequest>, call: Call): AsyncGenerator<Found<LookupObjectsResult>, void> {
  let left = lookup.limit;
  for await (const found of results<LookupObjectsRequest, LookupObjectsResult>(lookup, ({ object }) => object.id, (request) => reads.lookupObjects(request, call))) {
    yield found;
    if (--left <= 0) return;
  }
}

/** The limit counts subjects that have a name; a wildcard comes in addition. */
export async function* lookupSubjects(reads: Reads, lookup: SubjectsLookup, call: Call): AsyncGenerator<Found<LookupSubjectsResult>, void> {
  let left = lookup.limit;
  for await (const found of results<LookupSubjectsRequest, LookupSubjectsResult>(lookup, ({ subject }) => subject.id, (request) => reads.lookupSubjects(request, call))) {
    if (!isWildcard(found.result.subject)) {
      yield found;
      if (--left <= 0) return;
    } else if (lookup.wildcards) {
      yield found;
    }
  }
}

interface Page<Result> {
  readonly zookie: string;
  readonly results: readonly Result[];
  readonly cursor?: string;
}

/** All results from where the lookup goes on, each with the cursor behind it. */
async function* results<Request extends LookupObjectsRequest | LookupSubjectsRequest, Result>(
  { request, limit, cursor }: Lookup<Request>,
  idOf: (result: Result) => string,
  read: (request: Request) => Promise<Page<Result>>,
): AsyncGenerator<Found<Result>, void> {
  const { consistency: _, ...asked } = request;
  const cursors = new LookupCursors(asked);
  const pageSize = Math.min(limit, limits.pageTuplesMax);
  const start: LookupPosition = cursor === undefined ? { zookie: "", page: "", after: "" } : cursors.decode(cursor);
  let position: Pick<LookupPosition, "zookie" | "page"> | undefined = start;
  while (position !== undefined) {
    const { page }: Pick<LookupPosition, "page"> = position;
    const { zookie, results: found, cursor: next }: Page<Result> = await read({ ...request, ...pageOf(position), pageSize });
    for (const [at, result] of found.entries()) {
      const id = idOf(result);
      const last = next !== undefined && at === found.length - 1;
      if (isAfter(id, start.after)) yield { zookie, result, cursor: cursors.encode(last ? { zookie, page: next, after: "" } : { zookie, page, after: id }) };
    }
    position = next === undefined ? undefined : { zookie, page: next };
  }
}

function pageOf({ zookie, page }: Pick<LookupPosition, "zookie" | "page">): Pick<LookupObjectsRequest, "cursor" | "consistency"> {
  if (page !== "") return { cursor: page };
  return zookie === "" ? {} : { consistency: { kind: "exact", zookie } };
}

function readGiven({ consistency, context }: LookupMessage): Pick<LookupObjectsRequest, "consistency" | "context"> {
  const given = readConsistency(consistency);
  return { ...(given && { consistency: given }), ...(context && { context: contextFromStruct(context, "context") }) };
}

function writeFound({ allowed, missingFields }: { readonly allowed: boolean; readonly missingFields: readonly string[] }): FoundMessage {
  if (allowed) return { permissionship: lookupPermissionships.allowed };
  return { permissionship: lookupPermissionships.conditional, partialCaveatInfo: { missingRequiredContext: missingFields } };
}

/** An exclusion that is not certain is a result of its own as well, which says what is missing. */
function writeExcluded({ subject, conditional }: LookupExclusion): ResolvedMessage {
  return { subjectObjectId: subject.id, permissionship: conditional ? lookupPermissionships.conditional : lookupPermissionships.allowed };
}
