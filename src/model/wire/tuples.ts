import type {
  DeleteTuplesRequest, DeleteTuplesResponse, Metadata, Operation, Precondition,
  ReadTuplesRequest, ReadTuplesResponse, WriteTuplesRequest, WriteTuplesResponse,
} from "../service.js";
import { readConsistency, writeConsistency, type ConsistencyMessage } from "./consistency.js";
import { readEnforcement, writeAwaited, type AwaitedMessage } from "./enforcement.js";
import { WireEnum } from "./enum.js";
import { compact, readEach, required, uint32 } from "./field.js";
import { readFilter, readTuple, writeFilter, writeTuple, type FilterMessage, type TupleMessage } from "./references.js";

export interface OptionsMessage extends AwaitedMessage {
  readonly preconditions?: readonly { readonly kind: number; readonly filter?: FilterMessage | null }[] | undefined;
  readonly metadata?: Metadata | undefined;
  readonly requestId?: string | null | undefined;
  readonly validateOnly?: boolean | undefined;
}

export interface OperationMessage {
  readonly kind: number;
  readonly tuple?: TupleMessage | null;
}

export interface WriteTuplesRequestMessage extends OptionsMessage {
  readonly operations: readonly OperationMessage[];
}

export interface DeleteTuplesRequestMessage extends OptionsMessage {
  readonly filters: readonly FilterMessage[];
  readonly limit?: number | null | undefined;
}

export interface ReadTuplesRequestMessage {
  readonly filter?: FilterMessage | null;
  readonly pageSize?: number | null | undefined;
  readonly cursor?: string | null | undefined;
  readonly consistency?: ConsistencyMessage | null | undefined;
}

export interface ReadTuplesResponseMessage {
  readonly zookie: string;
  readonly tuples: readonly TupleMessage[];
  readonly cursor?: string | null | undefined;
}

export const operationKinds = new WireEnum("usher.v1.OperationKind", ["create", "touch", "delete"]);
export const preconditionKinds = new WireEnum("usher.v1.PreconditionKind", ["mustMatch", "mustNotMatch"]);

export function writeWriteTuplesRequest(request: WriteTuplesRequest): WriteTuplesRequestMessage {
  return { operations: request.operations.map(writeOperation), ...writeOptions(request) };
}

export function readWriteTuplesRequest(message: WriteTuplesRequestMessage): WriteTuplesRequest {
  return { operations: readEach(message.operations, "operations", readOperation), ...readOptions(message) };
}

export function writeDeleteTuplesRequest(request: DeleteTuplesRequest): DeleteTuplesRequestMessage {
  const limit = request.limit === undefined ? undefined : uint32(request.limit, "limit");
  return { filters: request.filters.map(writeFilter), limit, ...writeOptions(request) };
}

export function readDeleteTuplesRequest(message: DeleteTuplesRequestMessage): DeleteTuplesRequest {
  const limit = message.limit ?? undefined;
  return { filters: readEach(message.filters, "filters", readFilter), ...(limit !== undefined && { limit }), ...readOptions(message) };
}

export function writeReadTuplesRequest(request: ReadTuplesRequest): ReadTuplesRequestMessage {
  return {
    filter: writeFilter(request.filter),
    pageSize: request.pageSize === undefined ? undefined : uint32(request.pageSize, "page_size"),
    cursor: request.cursor,
    consistency: writeConsistency(request.consistency),
  };
}

export function readReadTuplesRequest(message: ReadTuplesRequestMessage): ReadTuplesRequest {
  return compact<ReadTuplesRequest>({
    filter: message.filter ? readFilter(message.filter) : {},
    pageSize: message.pageSize,
    cursor: message.cursor,
    consistency: readConsistency(message.consistency),
  });
}

export function writeReadTuplesResponse(response: ReadTuplesResponse): ReadTuplesResponseMessage {
  return { zookie: response.zookie, tuples: response.tuples.map(writeTuple), cursor: response.cursor };
}

export function readReadTuplesResponse(message: ReadTuplesResponseMessage): ReadTuplesResponse {
  const { zookie, tuples, cursor } = message;
  return compact<ReadTuplesResponse>({ zookie, tuples: readEach(tuples, "tuples", readTuple), cursor });
}

/** Answers of plain fields have the same form on the wire; only the decoder's class is taken off. */
export function readWriteTuplesResponse(message: WriteTuplesResponse): WriteTuplesResponse {
  const { zookie, changed } = message;
  return { zookie, changed, ...readEnforcement(message) };
}

export function readDeleteTuplesResponse(message: DeleteTuplesResponse): DeleteTuplesResponse {
  const { zookie, deleted, more } = message;
  return { zookie, deleted, more, ...readEnforcement(message) };
}

/** Own entries of a decoded map, as a plain record; absent where there are none. */
export function readMetadata(metadata: Metadata | undefined): Metadata | undefined {
  const entries = Object.entries(metadata ?? {});
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function writeOptions(options: Omit<WriteTuplesRequest, "operations">): OptionsMessage {
  return {
    preconditions: options.preconditions?.map(({ kind, filter }) => ({ kind: preconditionKinds.toWire(kind), filter: writeFilter(filter) })),
    metadata: options.metadata,
    requestId: options.requestId,
    validateOnly: options.validateOnly || undefined,
    ...writeAwaited(options),
  };
}

function readOptions(message: OptionsMessage): Omit<WriteTuplesRequest, "operations"> {
  const preconditions = readEach(message.preconditions ?? [], "preconditions", readPrecondition);
  return compact<Omit<WriteTuplesRequest, "operations">>({
    preconditions: preconditions.length === 0 ? undefined : preconditions,
    metadata: readMetadata(message.metadata),
    requestId: message.requestId,
    validateOnly: message.validateOnly || undefined,
    awaitEnforcementMs: message.awaitEnforcementMs,
  });
}

export function writeOperation({ kind, tuple }: Operation): OperationMessage {
  return { kind: operationKinds.toWire(kind), tuple: writeTuple(tuple) };
}

export function readOperation(message: OperationMessage): Operation {
  return { kind: operationKinds.fromWire(message.kind), tuple: readTuple(required(message.tuple, "tuple")) };
}

function readPrecondition(message: { readonly kind: number; readonly filter?: FilterMessage | null }): Precondition {
  return { kind: preconditionKinds.fromWire(message.kind), filter: readFilter(required(message.filter, "filter")) };
}
