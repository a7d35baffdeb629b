import { limits } from "../../../base/limits.js";
import type { Call, ImportTuplesRequest, ImportTuplesResponse, ReadTuplesRequest, Service } from "../../../model/service.js";
import type { Tuple } from "../../../model/tuple.js";
import { compact, readEach } from "../../../model/wire/field.js";
import { readConsistency, type ConsistencyMessage, type Reads, type TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";
import { readFilter, readRelationship, writeRelationship, type FilterMessage, type RelationshipMessage } from "./references.js";
import { cursorAfter, tuplePages } from "./relationships.js";

interface RelationshipsMessage {
  readonly relationships: readonly RelationshipMessage[];
}

interface ExportRequestMessage {
  readonly consistency?: ConsistencyMessage | null;
  readonly optionalLimit: number;
  readonly optionalCursor?: TokenMessage | null;
  readonly optionalRelationshipFilter?: FilterMessage | null;
}

interface ExportResponseMessage extends RelationshipsMessage {
  readonly afterResultCursor: TokenMessage;
}

export interface ExportRequest extends Pick<ReadTuplesRequest, "filter" | "cursor" | "consistency"> {
  /** At most so many a batch. */
  readonly size: number;
}

export interface ExportBatch {
  readonly tuples: readonly Tuple[];
  readonly cursor: string;
}

export const importRequest = new RequestReader<readonly Tuple[], RelationshipsMessage>("ImportBulkRelationshipsRequest", ({ relationships }) =>
  readEach(relationships, "relationships", readRelationship),
);

export const importResponse = new ResponseWriter<ImportTuplesResponse, { readonly numLoaded: number }>("ImportBulkRelationshipsResponse", ({ imported }) => ({ numLoaded: imported }));

export const exportRequest = new RequestReader<ExportRequest, ExportRequestMessage>("ExportBulkRelationshipsRequest", (message) =>
  compact<ExportRequest>({
    filter: message.optionalRelationshipFilter ? readFilter(message.optionalRelationshipFilter, "optional_relationship_filter") : {},
    consistency: readConsistency(message.consistency),
    cursor: message.optionalCursor?.token,
    size: message.optionalLimit || limits.pageTuplesMax,
  }),
);

export const exportResponse = new ResponseWriter<ExportBatch, ExportResponseMessage>("ExportBulkRelationshipsResponse", ({ tuples, cursor }) => ({
  relationships: tuples.map(writeRelationship),
  afterResultCursor: { token: cursor },
}));

export function importRelationships(service: Service, messages: AsyncIterable<readonly Tuple[]>, call: Call): Promise<ImportTuplesResponse> {
  return service.importTuples(asImport(messages), call);
}

/** A client's messages may hold more than one of ours. */
async function* asImport(messages: AsyncIterable<readonly Tuple[]>): AsyncGenerator<ImportTuplesRequest, void> {
  yield { kind: "begin" };
  for await (const tuples of messages) {
    for (let at = 0; at < tuples.length; at += limits.importBatchTuplesMax) yield { kind: "tuples", tuples: tuples.slice(at, at + limits.importBatchTuplesMax) };
  }
}

export async function* exportRelationships(reads: Reads, { size, ...request }: ExportRequest, call: Call): AsyncGenerator<ExportBatch, void> {
  for await (const { zookie, tuples, cursor } of tuplePages(reads, request, size, call)) {
    const last = tuples.at(-1);
    if (last !== undefined) yield { tuples, cursor: cursor ?? cursorAfter(zookie, last, request.filter) };
  }
}
