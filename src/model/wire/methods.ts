import { asError, UsherError, type ErrorCode } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { ProtoCodec } from "../../base/proto.js";
import type {
  FindLossRequest, FindLossResponse, GetCheckpointRequest, GetCheckpointResponse, ProveDecisionRequest, ProveDecisionResponse, QueryDecisionsRequest, QueryDecisionsResponse,
  RedactDecisionsRequest, RedactDecisionsResponse, ReplayDecisionsRequest, ReplayDecisionsResponse, TailDecisionsRequest, TailEvent,
} from "../audit.js";
import type { Role } from "../role.js";
import type {
  BackupRequest, BackupResponse, BatchCheckRequest, BatchCheckResponse, CheckRequest, CreateTenantRequest, Decision, DeleteTenantRequest, DeleteTuplesRequest, DeleteTuplesResponse, DiffSchemaRequest, DiffSchemaResponse, ExpandRequest, ExpandResponse,
  ExportTuplesRequest, ExportTuplesResponse, ImportTuplesRequest, ImportTuplesResponse, ListTenantsRequest, ListTenantsResponse, LookupObjectsRequest, LookupObjectsResponse, LookupPermissionsRequest, LookupPermissionsResponse, LookupSubjectsRequest, LookupSubjectsResponse, ReadSchemaRequest, ReadSchemaResponse, ReadTuplesRequest, ReadTuplesResponse, SetTenantQuotasRequest, WatchEvent, WatchTuplesRequest,
  WriteSchemaRequest, WriteSchemaResponse, WriteTuplesRequest, WriteTuplesResponse,
} from "../service.js";
import type { ListHoldsRequest, ListHoldsResponse } from "../holds.js";
import type { LiveRequest, LiveResponse } from "../live.js";
import type { PreviewChangeRequest, PreviewChangeResponse } from "../preview.js";
import type { Tenant } from "../tenant.js";
import * as admin from "./admin.js";
import * as audit from "./audit.js";
import * as findings from "./audit-findings.js";
import * as proofs from "./audit-proofs.js";
import * as backup from "./backup.js";
import * as bulk from "./bulk.js";
import * as check from "./check.js";
import { readDecision, writeDecision, type DecisionMessage } from "./decision.js";
import * as expand from "./expand.js";
import * as holds from "./holds.js";
import * as live from "./live.js";
import * as lookup from "./lookup.js";
import { PlainDecisions } from "./plain-decisions.js";
import * as preview from "./preview.js";
import * as schema from "./schema.js";
import * as schemaDiff from "./schema-diff.js";
import * as tuples from "./tuples.js";
import * as watch from "./watch.js";

/** One rpc of `usher.v1`: its path, and how model types become bytes and bytes model types. */
export interface Method<Request, Response> {
  /** `/usher.v1.PermissionService/Check` */
  readonly path: string;
  /** What a key must have for it. An rpc of the role `admin` belongs to no tenant. */
  readonly role: Role;
  /** A call that breaks off may have changed something all the same. */
  readonly writes: boolean;
  readonly request: Converter<Request>;
  readonly response: Converter<Response>;
}

/**
 * Between a model type and the bytes of its message. A request that cannot be converted is its
 * caller's fault, with the code that says which; a response that cannot is ours: `internal`.
 */
export interface Converter<Model> {
  /** @throws `invalid_request` and what the model's checkers throw, `request_too_large`; or `internal`, `response_too_large` */
  encode(value: Model): Buffer;
  /** @throws `invalid_request` and what the model's checkers throw; or `internal` */
  decode(bytes: Buffer): Model;
}

class MessageConverter<Model, Message extends object> implements Converter<Model> {
  readonly #name: string;
  readonly #codec: ProtoCodec<Message>;
  readonly #write: (value: Model) => Message;
  readonly #read: (message: Message) => Model;
  readonly #fault: ErrorCode;
  readonly #tooLarge: ErrorCode;

  constructor(name: string, write: (value: Model) => Message, read: (message: Message) => Model) {
    this.#name = name;
    this.#codec = new ProtoCodec(`usher.v1.${name}`);
    this.#write = write;
    this.#read = read;
    const asks = name.endsWith("Request");
    this.#fault = asks ? "invalid_request" : "internal";
    this.#tooLarge = asks ? "request_too_large" : "response_too_large";
  }

  encode(value: Model): Buffer {
    return this.written(() => this.#codec.encode(this.#write(value)));
  }

  /** A message's bytes, whoever makes them. @throws as `encode` */
  written(write: () => Buffer): Buffer {
    const bytes = this.#guard("cannot be written", write);
    if (bytes.length <= limits.messageBytesMax) return bytes;
    throw new UsherError(this.#tooLarge, `\`${this.#name}\` has ${bytes.length} bytes, more than ${limits.messageBytesMax}: ask for less at once`);
  }

  decode(bytes: Buffer): Model {
    return this.#guard("cannot be read", () => this.#read(this.#codec.decode(bytes)));
  }

  #guard<T>(problem: string, convert: () => T): T {
    try {
      return convert();
    } catch (thrown) {
      if (thrown instanceof UsherError && this.#fault === "invalid_request") throw thrown;
      const { message } = asError(thrown);
      throw new UsherError(this.#fault, `message \`usher.v1.${this.#name}\` ${problem}: ${message}`, { cause: thrown });
    }
  }
}

class DecisionConverter implements Converter<Decision> {
  readonly #messages = new MessageConverter<Decision, DecisionMessage>("CheckResponse", writeDecision, readDecision);
  readonly #plain = new PlainDecisions((decision) => this.#messages.encode(decision));

  encode(decision: Decision): Buffer {
    return this.#plain.bytesOf(decision);
  }

  decode(bytes: Buffer): Decision {
    return this.#messages.decode(bytes);
  }
}

/**
 * Messages of one type that are written one behind the other are one message, with the entries of all: so an entry is encoded by itself. It must have no
 * other field, since of those the last counts.
 */
class BatchConverter implements Converter<BatchCheckResponse> {
  readonly #messages = new MessageConverter<BatchCheckResponse, check.BatchCheckResponseMessage>("BatchCheckResponse", check.writeBatchCheckResponse, check.readBatchCheckResponse);
  readonly #entries = new ProtoCodec<Pick<check.BatchCheckResponseMessage, "results">>("usher.v1.BatchCheckResponse");
  readonly #plain = new PlainDecisions((decision) => this.#entries.encode(check.writeBatchCheckEntry({ decision })));

  encode({ zookie, results }: BatchCheckResponse): Buffer {
    return this.#messages.written(() => {
      const parts = [this.#messages.encode({ zookie, results: [] })];
      for (const result of results) parts.push("decision" in result ? this.#plain.bytesOf(result.decision) : this.#entries.encode(check.writeBatchCheckEntry(result)));
      return Buffer.concat(parts);
    });
  }

  decode(bytes: Buffer): BatchCheckResponse {
    return this.#messages.decode(bytes);
  }
}

function method<Request, Response>(path: string, role: Role, request: Converter<Request>, response: Converter<Response>, writes = false): Method<Request, Response> {
  return { path: `/usher.v1.${path}`, role, writes, request, response };
}

/** Where a message has the very form of its model type. */
const same = <T>(value: T): T => value;

/** Every rpc, under its name in `Service`. */
export const methods = {
  writeTuples: method(
    "TupleService/WriteTuples",
    "write",
    new MessageConverter<WriteTuplesRequest, tuples.WriteTuplesRequestMessage>("WriteTuplesRequest", tuples.writeWriteTuplesRequest, tuples.readWriteTuplesRequest),
    new MessageConverter<WriteTuplesResponse, WriteTuplesResponse>("WriteTuplesResponse", same, tuples.readWriteTuplesResponse),
    true,
  ),
  deleteTuples: method(
    "TupleService/DeleteTuples",
    "write",
    new MessageConverter<DeleteTuplesRequest, tuples.DeleteTuplesRequestMessage>("DeleteTuplesRequest", tuples.writeDeleteTuplesRequest, tuples.readDeleteTuplesRequest),
    new MessageConverter<DeleteTuplesResponse, DeleteTuplesResponse>("DeleteTuplesResponse", same, tuples.readDeleteTuplesResponse),
    true,
  ),
  readTuples: method(
    "TupleService/ReadTuples",
    "read",
    new MessageConverter<ReadTuplesRequest, tuples.ReadTuplesRequestMessage>("ReadTuplesRequest", tuples.writeReadTuplesRequest, tuples.readReadTuplesRequest),
    new MessageConverter<ReadTuplesResponse, tuples.ReadTuplesResponseMessage>("ReadTuplesResponse", tuples.writeReadTuplesResponse, tuples.readReadTuplesResponse),
  ),
  importTuples: method(
    "TupleService/ImportTuples",
    "write",
    new MessageConverter<ImportTuplesRequest, bulk.ImportTuplesRequestMessage>("ImportTuplesRequest", bulk.writeImportTuplesRequest, bulk.readImportTuplesRequest),
    new MessageConverter<ImportTuplesResponse, bulk.ImportTuplesResponseMessage>("ImportTuplesResponse", same, bulk.readImportTuplesResponse),
    true,
  ),
  exportTuples: method(
    "TupleService/ExportTuples",
    "read",
    new MessageConverter<ExportTuplesRequest, bulk.ExportTuplesRequestMessage>("ExportTuplesRequest", bulk.writeExportTuplesRequest, bulk.readExportTuplesRequest),
    // A batch has the form of a page.
    new MessageConverter<ExportTuplesResponse, tuples.ReadTuplesResponseMessage>("ExportTuplesResponse", tuples.writeReadTuplesResponse, tuples.readReadTuplesResponse),
  ),
  watchTuples: method(
    "TupleService/WatchTuples",
    "read",
    new MessageConverter<WatchTuplesRequest, watch.WatchTuplesRequestMessage>("WatchTuplesRequest", watch.writeWatchTuplesRequest, watch.readWatchTuplesRequest),
    new MessageConverter<WatchEvent, watch.WatchTuplesResponseMessage>("WatchTuplesResponse", watch.writeWatchEvent, watch.readWatchEvent),
  ),
  live: method(
    "LiveService/Live",
    "read",
    new MessageConverter<LiveRequest, live.LiveRequestMessage>("LiveRequest", live.writeLiveRequest, live.readLiveRequest),
    new MessageConverter<LiveResponse, live.LiveResponseMessage>("LiveResponse", live.writeLiveResponse, live.readLiveResponse),
  ),
  previewChange: method(
    "LiveService/PreviewChange",
    "read",
    new MessageConverter<PreviewChangeRequest, preview.PreviewChangeRequestMessage>("PreviewChangeRequest", preview.writePreviewChangeRequest, preview.readPreviewChangeRequest),
    new MessageConverter<PreviewChangeResponse, preview.PreviewChangeResponseMessage>("PreviewChangeResponse", preview.writePreviewChangeResponse, preview.readPreviewChangeResponse),
  ),
  listHolds: method(
    "LiveService/ListHolds",
    "admin",
    new MessageConverter<ListHoldsRequest, holds.ListHoldsRequestMessage>("ListHoldsRequest", holds.writeListHoldsRequest, holds.readListHoldsRequest),
    new MessageConverter<ListHoldsResponse, holds.ListHoldsResponseMessage>("ListHoldsResponse", holds.writeListHoldsResponse, holds.readListHoldsResponse),
  ),
  check: method(
    "PermissionService/Check",
    "read",
    new MessageConverter<CheckRequest, check.CheckRequestMessage>("CheckRequest", check.writeCheckRequest, check.readCheckRequest),
    new DecisionConverter(),
  ),
  batchCheck: method(
    "PermissionService/BatchCheck",
    "read",
    new MessageConverter<BatchCheckRequest, check.BatchCheckRequestMessage>("BatchCheckRequest", check.writeBatchCheckRequest, check.readBatchCheckRequest),
    new BatchConverter(),
  ),
  expand: method(
    "PermissionService/Expand",
    "read",
    new MessageConverter<ExpandRequest, expand.ExpandRequestMessage>("ExpandRequest", expand.writeExpandRequest, expand.readExpandRequest),
    new MessageConverter<ExpandResponse, expand.ExpandResponseMessage>("ExpandResponse", expand.writeExpandResponse, expand.readExpandResponse),
  ),
  lookupObjects: method(
    "PermissionService/LookupObjects",
    "read",
    new MessageConverter<LookupObjectsRequest, lookup.LookupObjectsRequestMessage>("LookupObjectsRequest", lookup.writeLookupObjectsRequest, lookup.readLookupObjectsRequest),
    new MessageConverter<LookupObjectsResponse, lookup.LookupObjectsResponseMessage>("LookupObjectsResponse", lookup.writeLookupObjectsResponse, lookup.readLookupObjectsResponse),
  ),
  lookupSubjects: method(
    "PermissionService/LookupSubjects",
    "read",
    new MessageConverter<LookupSubjectsRequest, lookup.LookupSubjectsRequestMessage>("LookupSubjectsRequest", lookup.writeLookupSubjectsRequest, lookup.readLookupSubjectsRequest),
    new MessageConverter<LookupSubjectsResponse, lookup.LookupSubjectsResponseMessage>("LookupSubjectsResponse", lookup.writeLookupSubjectsResponse, lookup.readLookupSubjectsResponse),
  ),
  lookupPermissions: method(
    "PermissionService/LookupPermissions",
    "read",
    new MessageConverter<LookupPermissionsRequest, lookup.LookupPermissionsRequestMessage>("LookupPermissionsRequest", lookup.writeLookupPermissionsRequest, lookup.readLookupPermissionsRequest),
    new MessageConverter<LookupPermissionsResponse, lookup.LookupPermissionsResponseMessage>("LookupPermissionsResponse", lookup.writeLookupPermissionsResponse, lookup.readLookupPermissionsResponse),
  ),
  readSchema: method(
    "SchemaService/ReadSchema",
    "read",
    new MessageConverter<ReadSchemaRequest, schema.ReadSchemaRequestMessage>("ReadSchemaRequest", schema.writeReadSchemaRequest, schema.readReadSchemaRequest),
    new MessageConverter<ReadSchemaResponse, ReadSchemaResponse>("ReadSchemaResponse", same, schema.readReadSchemaResponse),
  ),
  writeSchema: method(
    "SchemaService/WriteSchema",
    "schema",
    new MessageConverter<WriteSchemaRequest, schema.WriteSchemaRequestMessage>("WriteSchemaRequest", schema.writeWriteSchemaRequest, schema.readWriteSchemaRequest),
    new MessageConverter<WriteSchemaResponse, WriteSchemaResponse>("WriteSchemaResponse", same, schema.readWriteSchemaResponse),
    true,
  ),
  diffSchema: method(
    "SchemaService/DiffSchema",
    "read",
    new MessageConverter<DiffSchemaRequest, schemaDiff.DiffSchemaRequestMessage>("DiffSchemaRequest", same, schemaDiff.readDiffSchemaRequest),
    new MessageConverter<DiffSchemaResponse, schemaDiff.DiffSchemaResponseMessage>("DiffSchemaResponse", schemaDiff.writeDiffSchemaResponse, schemaDiff.readDiffSchemaResponse),
  ),
  queryDecisions: method(
    "DecisionLogService/QueryDecisions",
    "audit",
    new MessageConverter<QueryDecisionsRequest, audit.QueryDecisionsRequestMessage>("QueryDecisionsRequest", audit.writeQueryDecisionsRequest, audit.readQueryDecisionsRequest),
    new MessageConverter<QueryDecisionsResponse, audit.QueryDecisionsResponseMessage>("QueryDecisionsResponse", audit.writeQueryDecisionsResponse, audit.readQueryDecisionsResponse),
  ),
  tailDecisions: method(
    "DecisionLogService/TailDecisions",
    "audit",
    new MessageConverter<TailDecisionsRequest, audit.TailDecisionsRequestMessage>("TailDecisionsRequest", audit.writeTailDecisionsRequest, audit.readTailDecisionsRequest),
    new MessageConverter<TailEvent, audit.TailDecisionsResponseMessage>("TailDecisionsResponse", audit.writeTailEvent, audit.readTailEvent),
  ),
  getCheckpoint: method(
    "DecisionLogService/GetCheckpoint",
    "audit",
    new MessageConverter<GetCheckpointRequest, proofs.GetCheckpointRequestMessage>("GetCheckpointRequest", proofs.writeGetCheckpointRequest, proofs.readGetCheckpointRequest),
    new MessageConverter<GetCheckpointResponse, GetCheckpointResponse>("GetCheckpointResponse", same, proofs.readGetCheckpointResponse),
  ),
  proveDecision: method(
    "DecisionLogService/ProveDecision",
    "audit",
    new MessageConverter<ProveDecisionRequest, proofs.ProveDecisionRequestMessage>("ProveDecisionRequest", proofs.writeProveDecisionRequest, proofs.readProveDecisionRequest),
    new MessageConverter<ProveDecisionResponse, proofs.ProveDecisionResponseMessage>("ProveDecisionResponse", proofs.writeProveDecisionResponse, proofs.readProveDecisionResponse),
  ),
  replayDecisions: method(
    "DecisionLogService/ReplayDecisions",
    "audit",
    new MessageConverter<ReplayDecisionsRequest, findings.ReplayDecisionsRequestMessage>("ReplayDecisionsRequest", findings.writeReplayDecisionsRequest, findings.readReplayDecisionsRequest),
    new MessageConverter<ReplayDecisionsResponse, findings.ReplayDecisionsResponseMessage>("ReplayDecisionsResponse", findings.writeReplayDecisionsResponse, findings.readReplayDecisionsResponse),
  ),
  redactDecisions: method(
    "DecisionLogService/RedactDecisions",
    "audit",
    new MessageConverter<RedactDecisionsRequest, findings.RedactDecisionsRequestMessage>("RedactDecisionsRequest", findings.writeRedactDecisionsRequest, findings.readRedactDecisionsRequest),
    new MessageConverter<RedactDecisionsResponse, RedactDecisionsResponse>("RedactDecisionsResponse", findings.writeRedactDecisionsResponse, findings.readRedactDecisionsResponse),
    true,
  ),
  findLoss: method(
    "DecisionLogService/FindLoss",
    "audit",
    new MessageConverter<FindLossRequest, findings.FindLossRequestMessage>("FindLossRequest", findings.writeFindLossRequest, findings.readFindLossRequest),
    new MessageConverter<FindLossResponse, findings.FindLossResponseMessage>("FindLossResponse", findings.writeFindLossResponse, findings.readFindLossResponse),
  ),
  createTenant: method(
    "AdminService/CreateTenant",
    "admin",
    new MessageConverter<CreateTenantRequest, admin.NamedQuotasMessage>("CreateTenantRequest", admin.writeNamedQuotas, admin.readNamedQuotas),
    new MessageConverter<Tenant, admin.TenantAnswerMessage>("CreateTenantResponse", admin.writeTenantAnswer, admin.readTenantAnswer),
    true,
  ),
  listTenants: method(
    "AdminService/ListTenants",
    "admin",
    new MessageConverter<ListTenantsRequest, object>("ListTenantsRequest", admin.empty, admin.empty),
    new MessageConverter<ListTenantsResponse, admin.ListTenantsResponseMessage>("ListTenantsResponse", admin.writeListTenantsResponse, admin.readListTenantsResponse),
  ),
  deleteTenant: method(
    "AdminService/DeleteTenant",
    "admin",
    new MessageConverter<DeleteTenantRequest, DeleteTenantRequest>("DeleteTenantRequest", admin.writeDeleteTenantRequest, admin.readDeleteTenantRequest),
    new MessageConverter<object, object>("DeleteTenantResponse", admin.empty, admin.empty),
    true,
  ),
  setTenantQuotas: method(
    "AdminService/SetTenantQuotas",
    "admin",
    new MessageConverter<SetTenantQuotasRequest, admin.NamedQuotasMessage>("SetTenantQuotasRequest", admin.writeNamedQuotas, admin.readNamedQuotas),
    new MessageConverter<Tenant, admin.TenantAnswerMessage>("SetTenantQuotasResponse", admin.writeTenantAnswer, admin.readTenantAnswer),
    true,
  ),
  backup: method(
    "AdminService/Backup",
    "admin",
    new MessageConverter<BackupRequest, backup.BackupRequestMessage>("BackupRequest", backup.writeBackupRequest, backup.readBackupRequest),
    new MessageConverter<BackupResponse, backup.BackupResponseMessage>("BackupResponse", backup.writeBackupResponse, backup.readBackupResponse),
  ),
};
