import { ProtoCodec } from "../../base/proto.js";
import type { StatusMessage } from "../../model/wire/status.js";
import type { StructMessage } from "../../model/wire/struct.js";
import type { TokenMessage } from "../../server/adapters/authzed/consistency.js";
import type { ObjectMessage, RelationshipMessage, SubjectMessage } from "../../server/adapters/authzed/references.js";

/** The messages of `authzed.api.v1` that a client sends and is sent, in the form that `ProtoCodec` has. */

interface Requirement {
  readonly atExactSnapshot?: TokenMessage;
  readonly fullyConsistent?: boolean;
}

export interface ExportRequestMessage {
  readonly consistency?: Requirement;
  readonly optionalLimit: number;
  readonly optionalCursor?: TokenMessage;
}

export interface ExportMessage {
  readonly afterResultCursor?: TokenMessage | null;
  readonly relationships: readonly RelationshipMessage[];
}

export interface WatchRequestMessage {
  readonly optionalStartCursor: TokenMessage;
  readonly optionalUpdateKinds: readonly number[];
}

export interface WatchMessage {
  readonly updates: readonly { readonly operation: number; readonly relationship?: RelationshipMessage | null }[];
  readonly changesThrough?: TokenMessage | null;
  readonly optionalTransactionMetadata?: StructMessage | null;
  readonly schemaUpdated: boolean;
  readonly isCheckpoint: boolean;
}

export interface QuestionMessage {
  readonly resource: ObjectMessage;
  readonly permission: string;
  readonly subject: SubjectMessage;
  readonly context?: StructMessage;
}

interface MissingMessage {
  readonly missingRequiredContext: readonly string[];
}

export interface AnswerMessage {
  readonly permissionship: number;
  readonly partialCaveatInfo?: MissingMessage | null;
}

export interface CheckMessage extends AnswerMessage {
  readonly debugTrace?: { readonly check?: TraceMessage | null } | null;
}

export interface BulkMessage {
  readonly pairs: readonly { readonly item?: AnswerMessage | null; readonly error?: StatusMessage | null }[];
}

/** How SpiceDB shows the way to an answer. */
export interface TraceMessage {
  readonly resource?: ObjectMessage | null;
  readonly permission: string;
  readonly subject?: SubjectMessage | null;
  readonly result: number;
  readonly caveatEvaluationInfo?: { readonly caveatName: string; readonly result: number; readonly partialCaveatInfo?: MissingMessage | null } | null;
  readonly wasCachedResult?: boolean;
  readonly subProblems?: { readonly traces: readonly TraceMessage[] } | null;
}

/** One rpc, from this side. */
export interface Call<Request extends object, Response extends object> {
  readonly path: string;
  readonly request: ProtoCodec<Request>;
  readonly response: ProtoCodec<Response>;
}

function call<Request extends object, Response extends object>(path: string, name = path.slice(path.indexOf("/") + 1)): Call<Request, Response> {
  const codec = <Message extends object>(suffix: string) => new ProtoCodec<Message>(`authzed.api.v1.${name}${suffix}`);
  return { path: `/authzed.api.v1.${path}`, request: codec("Request"), response: codec("Response") };
}

export const calls = {
  readSchema: call<object, { readonly schemaText: string; readonly readAt?: TokenMessage | null }>("SchemaService/ReadSchema"),
  exportAll: call<ExportRequestMessage, ExportMessage>("PermissionsService/ExportBulkRelationships"),
  /** The same messages under the name of before SpiceDB 1.30. */
  exportAllBefore: call<ExportRequestMessage, ExportMessage>("ExperimentalService/BulkExportRelationships", "ExportBulkRelationships"),
  watch: call<WatchRequestMessage, WatchMessage>("WatchService/Watch"),
  check: call<QuestionMessage & { readonly consistency: Requirement; readonly withTracing: boolean }, CheckMessage>("PermissionsService/CheckPermission"),
  checkMany: call<{ readonly consistency: Requirement; readonly items: readonly QuestionMessage[] }, BulkMessage>("PermissionsService/CheckBulkPermissions"),
};
