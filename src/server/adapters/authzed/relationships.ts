import { limits } from "../../../base/limits.js";
import { encodeCursor } from "../../../database/cursor.js";
import type { TupleFilter } from "../../../model/filter.js";
import type { Call, DeleteTuplesRequest, Metadata, Operation, Precondition, ReadTuplesRequest, Service, WriteTuplesRequest, WriteTuplesResponse } from "../../../model/service.js";
import type { Tuple } from "../../../model/tuple.js";
import { WireEnum } from "../../../model/wire/enum.js";
import { compact, readEach, required, within } from "../../../model/wire/field.js";
import type { StructMessage } from "../../../model/wire/struct.js";
import { readConsistency, type ConsistencyMessage, type Reads, type TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";
import { readMetadata } from "./metadata.js";
import { filterInfo } from "./error-info.js";
import { reasoned } from "./reasons.js";
import { readFilter, readRelationship, writeRelationship, type FilterMessage, type RelationshipMessage } from "./references.js";

interface PreconditionMessage {
  readonly operation: number;
  readonly filter?: FilterMessage | null;
}

interface WriteRequestMessage {
  readonly updates: readonly { readonly operation: number; readonly relationship?: RelationshipMessage | null }[];
  readonly optionalPreconditions: readonly PreconditionMessage[];
  readonly optionalTransactionMetadata?: StructMessage | null;
}

interface DeleteRequestMessage {
  readonly relationshipFilter?: FilterMessage | null;
  readonly optionalPreconditions: readonly PreconditionMessage[];
  readonly optionalLimit: number;
  readonly optionalAllowPartialDeletions: boolean;
  readonly optionalTransactionMetadata?: StructMessage | null;
}

interface DeleteResponseMessage {
  readonly deletedAt: TokenMessage;
  readonly deletionProgress: number;
  readonly relationshipsDeletedCount: number;
}

interface ReadRequestMessage {
  readonly consistency?: ConsistencyMessage | null;
  readonly relationshipFilter?: FilterMessage | null;
  readonly optionalLimit: number;
  readonly optionalCursor?: TokenMessage | null;
}

interface ReadResponseMessage {
  readonly readAt: TokenMessage;
  readonly relationship: RelationshipMessage;
  readonly afterResultCursor: TokenMessage;
}

export interface DeleteRequest extends Pick<DeleteTuplesRequest, "filters" | "preconditions" | "metadata"> {
  /** Absent: everything that matches. */
  readonly limit?: number;
  /** Where more match than the limit says: so many, rather than none. */
  readonly partial: boolean;
}

export interface DeleteResponse {
  readonly zookie: string;
  readonly deleted: number;
  readonly complete: boolean;
}

export interface ReadRequest extends Pick<ReadTuplesRequest, "filter" | "cursor" | "consistency"> {
  /** Absent: all. */
  readonly limit?: number;
}

export interface ReadResult {
  readonly zookie: string;
  readonly tuple: Tuple;
  readonly cursor: string;
}

const operations = new WireEnum("authzed.api.v1.RelationshipUpdate.Operation", ["create", "touch", "delete"]);
const preconditions = new WireEnum("authzed.api.v1.Precondition.Operation", ["mustNotMatch", "mustMatch"]);

/** `DeletionProgress` */
const progress = { complete: 1, partial: 2 } as const;

export const writeRequest = new RequestReader<WriteTuplesRequest, WriteRequestMessage>("WriteRelationshipsRequest", ({ updates, optionalPreconditions, optionalTransactionMetadata }) => {
  if (updates.length > limits.operationsPerWriteMax) {
    throw reasoned("request_too_large", "ERROR_REASON_TOO_MANY_UPDATES_IN_REQUEST", `the request has ${updates.length} updates: at most ${limits.operationsPerWriteMax} are taken at once`, {
      update_count: String(updates.length),
      maximum_updates_allowed: String(limits.operationsPerWriteMax),
    });
  }
  return { operations: readEach(updates, "updates", readUpdate), ...readGiven(optionalPreconditions, optionalTransactionMetadata) };
});

export const writeResponse = new ResponseWriter<WriteTuplesResponse, { readonly writtenAt: TokenMessage }>("WriteRelationshipsResponse", ({ zookie }) => ({ writtenAt: { token: zookie } }));

export const deleteRequest = new RequestReader<DeleteRequest, DeleteRequestMessage>("DeleteRelationshipsRequest", (message) => {
  const { optionalLimit: limit } = message;
  if (limit > limits.deletePerCallMax) {
    throw reasoned("invalid_request", "ERROR_REASON_EXCEEDS_MAXIMUM_ALLOWABLE_LIMIT", `limit \`${limit}\` is more than ${limits.deletePerCallMax}`, {
      field: "optional_limit",
      limit_provided: String(limit),
      maximum_limit_allowed: String(limits.deletePerCallMax),
    });
  }
  return {
    filters: [readFilter(message.relationshipFilter, "relationship_filter")],
    partial: message.optionalAllowPartialDeletions,
    ...(limit > 0 && { limit }),
    ...readGiven(message.optionalPreconditions, message.optionalTransactionMetadata),
  };
});

export const deleteResponse = new ResponseWriter<DeleteResponse, DeleteResponseMessage>("DeleteRelationshipsResponse", ({ zookie, deleted, complete }) => ({
  deletedAt: { token: zookie },
  deletionProgress: complete ? progress.complete : progress.partial,
  relationshipsDeletedCount: deleted,
}));

export const readRequest = new RequestReader<ReadRequest, ReadRequestMessage>("ReadRelationshipsRequest", (message) =>
  compact<ReadRequest>({
    filter: readFilter(message.relationshipFilter, "relationship_filter"),
    consistency: readConsistency(message.consistency),
    limit: message.optionalLimit || undefined,
    cursor: message.optionalCursor?.token,
  }),
);

export const readResponse = new ResponseWriter<ReadResult, ReadResponseMessage>("ReadRelationshipsResponse", ({ zookie, tuple, cursor }) => ({
  readAt: { token: zookie },
  relationship: writeRelationship(tuple),
  afterResultCursor: { token: cursor },
}));

/**
 * SpiceDB's deletes have no bound; ours are made in commits of at most `limits.deletePerCallMax`, the preconditions held by the first. With a limit, and no
 * leave to do a part, more than it are counted before anything is deleted. What is written between the two and matches is deleted with the rest.
 */
export async function deleteRelationships(service: Service, { limit, partial, ...request }: DeleteRequest, call: Call): Promise<DeleteResponse> {
  const bounded = limit === undefined ? request : { ...request, limit };
  if (limit !== undefined && partial) {
    const { zookie, deleted, more } = await service.deleteTuples(bounded, call);
    return { zookie, deleted, complete: !more };
  }
  if (limit !== undefined && (await service.deleteTuples({ ...bounded, validateOnly: true }, call)).more) {
    const reason = "ERROR_REASON_TOO_MANY_RELATIONSHIPS_FOR_TRANSACTIONAL_DELETE";
    throw reasoned("invalid_request", reason, `more than ${limit} relationships match: allow partial deletions, or leave the limit out`, { limit: String(limit), ...filterInfo(request.filters[0]) });
  }
  let { zookie, deleted, more } = await service.deleteTuples(bounded, call);
  const { preconditions: _, ...rest } = request;
  while (more) {
    const next = await service.deleteTuples(rest, call);
    zookie = next.zookie;
    deleted += next.deleted;
    more = next.more;
  }
  return { zookie, deleted, complete: true };
}

/** One that says nothing is no error there. */
export async function writeRelationships(service: Service, request: WriteTuplesRequest, call: Call): Promise<WriteTuplesResponse> {
  if (request.operations.length > 0 || request.preconditions !== undefined) return service.writeTuples(request, call);
  const { zookie } = await service.readTuples({ filter: {}, pageSize: 1 }, call);
  return { zookie, changed: 0 };
}

export async function* readRelationships(reads: Reads, { limit = Infinity, ...request }: ReadRequest, call: Call): AsyncGenerator<ReadResult, void> {
  let left = limit;
  for await (const { zookie, tuples } of tuplePages(reads, request, limit, call)) {
    for (const tuple of tuples.slice(0, left)) yield { zookie, tuple, cursor: cursorAfter(zookie, tuple, request.filter) };
    left -= tuples.length;
    if (left <= 0) return;
  }
}

/** All that matches at one snapshot. @param size of a page, as far as ours may be so large */
export async function* tuplePages(reads: Reads, request: Pick<ReadTuplesRequest, "filter" | "cursor" | "consistency">, size: number, call: Call) {
  let next: Pick<ReadTuplesRequest, "cursor"> | undefined = {};
  while (next !== undefined) {
    const page = await reads.readTuples({ ...request, ...next, pageSize: Math.min(size, limits.pageTuplesMax) }, call);
    yield page;
    next = page.cursor === undefined ? undefined : { cursor: page.cursor };
  }
}

/** Where a read goes on that was taken as far as this tuple. */
export function cursorAfter(zookie: string, tuple: Tuple, filter: TupleFilter): string {
  return encodeCursor({ zookie, after: tuple }, filter);
}

/** SpiceDB's clients delete what they have read, with its caveat and expiration: the identity is what counts. */
function readUpdate(message: WriteRequestMessage["updates"][number]): Operation {
  const kind = operations.fromWire(message.operation, "operation");
  const tuple = within("relationship", () => readRelationship(required(message.relationship, "relationship")));
  if (kind !== "delete") return { kind, tuple };
  return { kind, tuple: { object: tuple.object, relation: tuple.relation, subject: tuple.subject } };
}

function readGiven(messages: readonly PreconditionMessage[], struct: StructMessage | null | undefined): { readonly preconditions?: readonly Precondition[]; readonly metadata?: Metadata } {
  if (messages.length > limits.preconditionsPerWriteMax) {
    throw reasoned("request_too_large", "ERROR_REASON_TOO_MANY_PRECONDITIONS_IN_REQUEST", `the request has ${messages.length} preconditions: at most ${limits.preconditionsPerWriteMax} are taken`, {
      precondition_count: String(messages.length),
      // The name that SpiceDB has for it here too.
      maximum_updates_allowed: String(limits.preconditionsPerWriteMax),
    });
  }
  const metadata = readMetadata(struct);
  return {
    ...(messages.length > 0 && { preconditions: readEach(messages, "optional_preconditions", readPrecondition) }),
    ...(metadata && { metadata }),
  };
}

function readPrecondition({ operation, filter }: PreconditionMessage): Precondition {
  return { kind: preconditions.fromWire(operation, "operation"), filter: readFilter(filter, "filter") };
}
