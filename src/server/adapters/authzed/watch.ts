import { UsherError } from "../../../base/errors.js";
import type { TupleFilter } from "../../../model/filter.js";
import { checkType } from "../../../model/object.js";
import type { Call, Service, WatchEvent, WatchTuplesRequest } from "../../../model/service.js";
import { compact, readEach } from "../../../model/wire/field.js";
import type { StructMessage } from "../../../model/wire/struct.js";
import type { TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";
import { writeMetadata } from "./metadata.js";
import { readFilter, writeRelationship, type FilterMessage, type RelationshipMessage } from "./references.js";

interface WatchRequestMessage {
  readonly optionalObjectTypes: readonly string[];
  readonly optionalStartCursor?: TokenMessage | null;
  readonly optionalRelationshipFilters: readonly FilterMessage[];
  readonly optionalUpdateKinds: readonly number[];
}

interface WatchResponseMessage {
  readonly updates: readonly { readonly operation: number; readonly relationship: RelationshipMessage }[];
  readonly changesThrough: TokenMessage;
  readonly optionalTransactionMetadata?: StructMessage;
  readonly fullRevisionMetadata?: readonly StructMessage[];
  readonly schemaUpdated: boolean;
  readonly isCheckpoint: boolean;
}

export interface WatchRequest {
  readonly filters: readonly TupleFilter[];
  readonly start?: string;
  readonly relationships: boolean;
  readonly schema: boolean;
  readonly checkpoints: boolean;
}

/** An event, and from where a watch that begins again misses nothing. */
export interface WatchAnswer {
  readonly event: WatchEvent;
  readonly through: string;
  readonly request: WatchRequest;
}

/** `WatchKind` */
const kinds = { relationships: 1, schema: 2, checkpoints: 3 } as const;

/** `RelationshipUpdate.Operation`: whether what was written stood before is not told, by SpiceDB neither. */
const operations = { write: 2, delete: 3 } as const;

const checkpointMs = 1_000;

export const watchRequest = new RequestReader<WatchRequest, WatchRequestMessage>("WatchRequest", (message) => {
  const { optionalObjectTypes: types, optionalRelationshipFilters: filters, optionalUpdateKinds: asked } = message;
  if (types.length > 0 && filters.length > 0) {
    throw new UsherError("invalid_request", "both object types and relationship filters are given: give one of them", { details: { field: "optional_object_types" } });
  }
  const unknown = asked.find((kind) => !Object.values<number>(kinds).includes(kind));
  if (unknown !== undefined) throw new UsherError("invalid_request", `update kind \`${unknown}\` is none`, { details: { field: "optional_update_kinds" } });
  return compact<WatchRequest>({
    filters: types.length > 0 ? types.map((type) => ({ objectType: checkType(type) })) : readEach(filters, "optional_relationship_filters", (filter) => readFilter(filter, "filter")),
    start: message.optionalStartCursor?.token,
    relationships: asked.length === 0 || asked.includes(kinds.relationships),
    schema: asked.includes(kinds.schema),
    checkpoints: asked.includes(kinds.checkpoints),
  });
});

export const watchResponse = new ResponseWriter<WatchAnswer, WatchResponseMessage>("WatchResponse", ({ event, through, request }) => {
  const changesThrough = { token: through };
  if (event.kind === "checkpoint") return { updates: [], changesThrough, schemaUpdated: false, isCheckpoint: true };
  const metadata = writeMetadata(event.metadata);
  return {
    updates: request.relationships ? event.operations.map(({ kind, tuple }) => ({ operation: operations[kind], relationship: writeRelationship(tuple) })) : [],
    changesThrough,
    ...(metadata && { optionalTransactionMetadata: metadata, fullRevisionMetadata: [metadata] }),
    schemaUpdated: request.schema && event.schema !== undefined,
    isCheckpoint: false,
  };
});

/**
 * A part of a large commit but the last has no zookie of its own: it comes with that of the commit before, so that whoever goes on
 * from there sees the whole commit again, and never half of it.
 */
export async function* watch(service: Service, request: WatchRequest, call: Call): AsyncGenerator<WatchAnswer, void> {
  const from = await startOf(service, request, call);
  let through = from.after ?? "";
  const asked = { ...from, ...(request.filters.length > 0 && { filters: request.filters }), ...(request.schema && { schemaChanges: true }), ...(request.checkpoints && { checkpointMs }) };
  for await (const event of service.watchTuples(asked, call)) {
    through = event.zookie ?? through;
    if (isWanted(event, request)) yield { event, through, request };
  }
}

/** From now, which is named so that there is something to go on from; where there is no schema yet, there is nothing that could have been before. */
async function startOf(service: Service, { start }: WatchRequest, call: Call): Promise<Pick<WatchTuplesRequest, "after" | "fromEarliest">> {
  if (start !== undefined) return { after: start };
  try {
    return { after: (await service.readTuples({ filter: {}, pageSize: 1 }, call)).zookie };
  } catch (error) {
    if (error instanceof UsherError && error.code === "schema_missing") return { fromEarliest: true };
    throw error;
  }
}

function isWanted(event: WatchEvent, { relationships, schema, checkpoints }: WatchRequest): boolean {
  if (event.kind === "checkpoint") return checkpoints;
  return (relationships && event.operations.length > 0) || (schema && event.schema !== undefined);
}
