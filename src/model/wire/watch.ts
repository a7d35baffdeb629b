import { UsherError } from "../../base/errors.js";
import type { Metadata, TupleChange, WatchEvent, WatchTuplesRequest } from "../service.js";
import { WireEnum } from "./enum.js";
import { compact, readEach, required, uint32 } from "./field.js";
import { readFilter, readTuple, writeFilter, writeTuple, type FilterMessage, type TupleMessage } from "./references.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";
import { readMetadata } from "./tuples.js";

export interface WatchTuplesRequestMessage {
  readonly after?: string | null | undefined;
  readonly fromEarliest?: boolean | undefined;
  readonly filters?: readonly FilterMessage[] | undefined;
  readonly schemaChanges?: boolean | undefined;
  readonly checkpointMs?: number | null | undefined;
}

export interface WatchTuplesResponseMessage {
  readonly commit?: CommitMessage | null;
  readonly checkpoint?: { readonly zookie: string; readonly instant?: TimestampMessage | null } | null;
}

interface CommitMessage {
  readonly zookie?: string | null | undefined;
  readonly instant?: TimestampMessage | null;
  readonly metadata?: Metadata | undefined;
  readonly operations: readonly ChangeMessage[];
  readonly schema?: string | null | undefined;
  readonly last: boolean;
}

interface ChangeMessage {
  readonly kind: number;
  readonly tuple?: TupleMessage | null;
}

export const changeKinds = new WireEnum("usher.v1.TupleChangeKind", ["write", "delete"]);

export function writeWatchTuplesRequest(request: WatchTuplesRequest): WatchTuplesRequestMessage {
  return {
    after: request.after,
    fromEarliest: request.fromEarliest || undefined,
    filters: request.filters?.map(writeFilter),
    schemaChanges: request.schemaChanges || undefined,
    checkpointMs: request.checkpointMs === undefined ? undefined : uint32(request.checkpointMs, "checkpoint_ms"),
  };
}

export function readWatchTuplesRequest(message: WatchTuplesRequestMessage): WatchTuplesRequest {
  const filters = readEach(message.filters ?? [], "filters", readFilter);
  return compact<WatchTuplesRequest>({
    after: message.after,
    fromEarliest: message.fromEarliest || undefined,
    filters: filters.length === 0 ? undefined : filters,
    schemaChanges: message.schemaChanges || undefined,
    checkpointMs: message.checkpointMs,
  });
}

export function writeWatchEvent(event: WatchEvent): WatchTuplesResponseMessage {
  const instant = instantToTimestamp(event.instant);
  if (event.kind === "checkpoint") return { checkpoint: { zookie: event.zookie, instant } };
  const operations = event.operations.map(({ kind, tuple }) => ({ kind: changeKinds.toWire(kind), tuple: writeTuple(tuple) }));
  return { commit: { zookie: event.zookie, instant, metadata: event.metadata, operations, schema: event.schema, last: event.last } };
}

/** @throws `invalid_request` for an event of a kind that this side does not know */
export function readWatchEvent(message: WatchTuplesResponseMessage): WatchEvent {
  if (message.commit) return readCommit(message.commit);
  if (!message.checkpoint) throw new UsherError("invalid_request", "a watch event is of an unknown kind");
  const instant = timestampToInstant(required(message.checkpoint.instant, "instant"), "instant");
  return { kind: "checkpoint", zookie: message.checkpoint.zookie, instant };
}

function readCommit(commit: CommitMessage): WatchEvent {
  return compact<WatchEvent & { kind: "commit" }>({
    kind: "commit",
    zookie: commit.zookie,
    instant: timestampToInstant(required(commit.instant, "instant"), "instant"),
    metadata: readMetadata(commit.metadata) ?? {},
    operations: readEach(commit.operations, "operations", readChange),
    schema: commit.schema,
    last: commit.last,
  });
}

function readChange(message: ChangeMessage): TupleChange {
  return { kind: changeKinds.fromWire(message.kind), tuple: readTuple(required(message.tuple, "tuple")) };
}
