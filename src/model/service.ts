import type { Instant } from "../base/clock.js";
import type { ErrorCode } from "../base/errors.js";
import type {
  FindLossRequest,
  FindLossResponse,
  GetCheckpointRequest,
  GetCheckpointResponse,
  ProveDecisionRequest,
  ProveDecisionResponse,
  QueryDecisionsRequest,
  QueryDecisionsResponse,
  RedactDecisionsRequest,
  RedactDecisionsResponse,
  ReplayDecisionsRequest,
  ReplayDecisionsResponse,
  TailDecisionsRequest,
  TailEvent,
} from "./audit.js";
import type { Context } from "./context.js";
import type { TupleFilter } from "./filter.js";
import type { ListHoldsRequest, ListHoldsResponse } from "./holds.js";
import type { Enforcement, LiveRequest, LiveResponse } from "./live.js";
import type { LookupObjectsRequest, LookupObjectsResponse, LookupSubjectsRequest, LookupSubjectsResponse, LookupPermissionsRequest, LookupPermissionsResponse } from "./lookup.js";
import type { ObjectRef } from "./object.js";
import type { PreviewChangeRequest, PreviewChangeResponse } from "./preview.js";
import type { SchemaChange } from "./schema/change.js";
import type { SubjectRef } from "./subject.js";
import type { Quotas, Tenant } from "./tenant.js";
import type { Tuple } from "./tuple.js";

export type {
  LookupObjectsRequest,
  LookupScope,
  LookupObjectsResponse,
  LookupCount,
  LookupObjectsResult,
  LookupSubjectsRequest,
  LookupSubjectsResponse,
  LookupSubjectsResult,
  LookupExclusion,
  LookupPermissionsRequest,
  LookupPermissionsResponse,
  LookupPermissionsResult,
} from "./lookup.js";

/**
 * What the database does, as plain data: one method an rpc of `usher.v1`. The embedded database
 * implements it, the gRPC handlers call it, and the client implements it over the wire, so that a
 * program cannot tell which of the two it holds. Every method rejects with a `UsherError`.
 */
export interface Service extends AuditService {
  writeTuples(request: WriteTuplesRequest, call: Call): Promise<WriteTuplesResponse>;
  deleteTuples(request: DeleteTuplesRequest, call: Call): Promise<DeleteTuplesResponse>;
  readTuples(request: ReadTuplesRequest, call: Call): Promise<ReadTuplesResponse>;
  /**
   * Imports a stream of tuples, all or nothing: the first message says how, the others hold them. They are touched in
   * chunks, each a commit. Takes the next message when the one before is dealt with.
   * @throws as `writeTuples`, `duplicate_operation`, `schema_changed` where the schema is, or comes to be, another one than expected
   */
  importTuples(messages: AsyncIterable<ImportTuplesRequest>, call: Call): Promise<ImportTuplesResponse>;
  /** All tuples that match at one snapshot, in batches; ends with the last. A slow consumer costs nothing. @throws on iteration, as `readTuples` */
  exportTuples(request: ExportTuplesRequest, call: Call): AsyncIterable<ExportTuplesResponse>;
  /** Ends only with an error or when the consumer returns. Holds one event at a time: a slow consumer costs nothing. */
  watchTuples(request: WatchTuplesRequest, call: Call): AsyncIterable<WatchEvent>;
  /**
   * Holds decisions and hears of their ends: see `decisions/`. The first request opens; the stream ends with its requests, with an error, or when
   * the consumer returns. @throws on iteration: `invalid_request`, `overloaded`, `closed`, `tenant_unknown`
   */
  live(requests: AsyncIterable<LiveRequest>, call: Call): AsyncIterable<LiveResponse>;
  /**
   * What a write would give and take, which is not made: of the live decisions that are held, and of a list of checks.
   * @throws as `writeTuples` and `writeSchema` would, `request_too_large`
   */
  previewChange(request: PreviewChangeRequest, call: Call): Promise<PreviewChangeResponse>;
  /**
   * What is held on this server: streams, or decisions, page by page, as it stands when each page is made. Ends with the last. A slow consumer costs nothing.
   * @throws on iteration: `tenant_unknown`, `invalid_request`, `invalid_name`, `invalid_id`
   */
  listHolds(request: ListHoldsRequest, call: Call): AsyncIterable<ListHoldsResponse>;
  check(request: CheckRequest, call: Call): Promise<Decision>;
  batchCheck(request: BatchCheckRequest, call: Call): Promise<BatchCheckResponse>;
  expand(request: ExpandRequest, call: Call): Promise<ExpandResponse>;
  /**
   * The objects of a type on which a subject has a permission: exactly those that `check` allows, or finds conditional, at the same snapshot.
   * @throws the error of an object that cannot be decided (`details.undecided` names it), `cursor_expired`, `invalid_cursor`, `evaluation_too_large`
   */
  lookupObjects(request: LookupObjectsRequest, call: Call): Promise<LookupObjectsResponse>;
  /** The subjects of a type, or usersets, that have a permission on an object: in the same sense. @throws as `lookupObjects`, `response_too_large` */
  lookupSubjects(request: LookupSubjectsRequest, call: Call): Promise<LookupSubjectsResponse>;
  /** What a subject may do to an object: every permission of its type, with its answer. @throws the error of a permission that cannot be decided */
  lookupPermissions(request: LookupPermissionsRequest, call: Call): Promise<LookupPermissionsResponse>;
  readSchema(request: ReadSchemaRequest, call: Call): Promise<ReadSchemaResponse>;
  writeSchema(request: WriteSchemaRequest, call: Call): Promise<WriteSchemaResponse>;
  diffSchema(request: DiffSchemaRequest, call: Call): Promise<DiffSchemaResponse>;
  /** @throws `tenant_exists`, `invalid_name`, `invalid_request`, `quota_exceeded` where the store has as many as may be */
  createTenant(request: CreateTenantRequest, call: Call): Promise<Tenant>;
  listTenants(request: ListTenantsRequest, call: Call): Promise<ListTenantsResponse>;
  /** When it resolves, every call and watch of the tenant ends in `tenant_unknown`. @throws `tenant_unknown` */
  deleteTenant(request: DeleteTenantRequest, call: Call): Promise<object>;
  /** Replaces them as a whole. @throws `tenant_unknown`, `invalid_request` */
  setTenantQuotas(request: SetTenantQuotasRequest, call: Call): Promise<Tenant>;
  /**
   * The bytes of a backup file, of all tenants, while calls go on. What is not consumed holds it up, and nothing else.
   * @throws the codes of zookies, `zookie_expired` where the log does not reach back to `since`, `overloaded` while another one is made
   */
  backup(request: BackupRequest, call: Call): AsyncIterable<BackupResponse>;
  close(): Promise<void>;
}

/** Of the decision log: part of `Service`. */
export interface AuditService {
  /** A page of the decision log, of the call's tenant; of all where it names none and may. @throws `audit_off`, `audit_unavailable`, `invalid_cursor`, `cursor_expired`, `invalid_request` */
  queryDecisions(request: QueryDecisionsRequest, call: Call): Promise<QueryDecisionsResponse>;
  /** The log in its order, and on request what comes. @throws on iteration, as `queryDecisions`; `record_unknown` where it begins behind the end */
  tailDecisions(request: TailDecisionsRequest, call: Call): AsyncIterable<TailEvent>;
  /** @throws `audit_off`, `audit_unavailable`, `record_unknown` where the log is not so long */
  getCheckpoint(request: GetCheckpointRequest, call: Call): Promise<GetCheckpointResponse>;
  /** Proves that a record is in the log. @throws as `getCheckpoint` */
  proveDecision(request: ProveDecisionRequest, call: Call): Promise<ProveDecisionResponse>;
  /** Evaluates recorded decisions again, as of then. @throws as `getCheckpoint` */
  replayDecisions(request: ReplayDecisionsRequest, call: Call): Promise<ReplayDecisionsResponse>;
  /** Erases what records say; that they were there can still be proven. @throws as `getCheckpoint`, `invalid_request` */
  redactDecisions(request: RedactDecisionsRequest, call: Call): Promise<RedactDecisionsResponse>;
  /** When, and by which commit, a subject lost a permission. @throws as `queryDecisions` */
  findLoss(request: FindLossRequest, call: Call): Promise<FindLossResponse>;
}

/** Who calls, and until when the answer is wanted. */
export interface Call {
  /** Default: `default`. */
  readonly tenant?: string;
  /** Who calls: the id of a key, or empty where there are none. Part of a request id's scope. */
  readonly principal?: string;
  /** From where the call came; absent: from this process. */
  readonly peer?: string;
  /** Aborting it ends the walk and the store reads of the call. */
  readonly signal?: AbortSignal;
  /** The call's id and its trace's, for whoever records it. */
  readonly requestId?: string;
  readonly traceId?: string;
  /** On whose behalf it is made, and in which session: recorded, and not looked at. At most `limits.attributionBytesMax` each. */
  readonly actor?: string;
  readonly session?: string;
  /** Whether it is aborted, told without asking for it: where it is made when it is first asked for. Absent: the signal says. */
  readonly aborted?: boolean;
}

export type Consistency =
  | { readonly kind: "latest" }
  /** At least as fresh as the zookie; in practice as fresh as can be. */
  | { readonly kind: "atLeast"; readonly zookie: string }
  /** The snapshot of the zookie, back to the horizon. */
  | { readonly kind: "exact"; readonly zookie: string }
  /** The snapshot that was the newest at the instant, back to the horizon; evaluated as of then. */
  | { readonly kind: "asOf"; readonly instant: Instant };

export interface Operation {
  /** `create` fails where the tuple stands; `touch` writes it either way; `delete` of an absent tuple is no error. */
  readonly kind: "create" | "touch" | "delete";
  /** For `delete` the identity counts; its condition and expiration must be left out. */
  readonly tuple: Tuple;
}

export interface Precondition {
  readonly kind: "mustMatch" | "mustNotMatch";
  readonly filter: TupleFilter;
}

/** Kept with the commit, shown by Watch: who, why, and whatever else. */
export type Metadata = Readonly<Record<string, string>>;

interface WriteOptions {
  readonly preconditions?: readonly Precondition[];
  readonly metadata?: Metadata;
  /** A retry with the same id and the same request gives the first one's answer, within the horizon. */
  readonly requestId?: string;
  /** Everything is checked, nothing is written; the zookie is that of the state it was checked against. */
  readonly validateOnly?: boolean;
  /** Answer once every enforcement point that held what this ends has let go of it, or after so many milliseconds, whichever is first. */
  readonly awaitEnforcementMs?: number;
}

export interface WriteTuplesRequest extends WriteOptions {
  readonly operations: readonly Operation[];
}

export interface WriteTuplesResponse {
  readonly zookie: string;
  /** Tuples that now stand otherwise; 0: nothing was committed, and the zookie is the current one. */
  readonly changed: number;
  /** Where it was awaited. */
  readonly enforcement?: Enforcement;
}

export interface DeleteTuplesRequest extends WriteOptions {
  /** A tuple that one of them matches is deleted. None may be empty. */
  readonly filters: readonly TupleFilter[];
  /** At most this many; default and maximum `limits.deletePerCallMax`. */
  readonly limit?: number;
}

export interface DeleteTuplesResponse {
  readonly zookie: string;
  readonly deleted: number;
  /** The limit was reached and more match: call again. */
  readonly more: boolean;
  /** Where it was awaited. */
  readonly enforcement?: Enforcement;
}

export interface ReadTuplesRequest {
  /** Empty: everything. */
  readonly filter: TupleFilter;
  readonly pageSize?: number;
  /** From the page before; it pins that page's snapshot. */
  readonly cursor?: string;
  readonly consistency?: Consistency;
}

export interface ReadTuplesResponse {
  readonly zookie: string;
  /** In a stable order. Expired tuples are left out. */
  readonly tuples: readonly Tuple[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

export type ImportTuplesRequest =
  | ({ readonly kind: "begin" } & ImportTuplesOptions)
  | {
      readonly kind: "tuples";
      /** At most `limits.importBatchTuplesMax`. */
      readonly tuples: readonly Tuple[];
      /** Where each stands in its source, such as its line, for messages about it; absent: counted from 1. */
      readonly positions?: readonly number[];
    };

export interface ImportTuplesOptions {
  /**
   * An import of the same id that is being committed, or was within the horizon, is not made again: its outcome is
   * given instead, whatever the stream holds.
   */
  readonly importId?: string;
  /** Of the commit that wrote the schema that must be in force; absent: whichever is. */
  readonly schemaZookie?: string;
  /** Kept with each of the commits. */
  readonly metadata?: Metadata;
  /** Leaves out tuples that do not fit the schema or came before, and tells of them; else any of them fails the import. */
  readonly skipProblems?: boolean;
}

export interface ImportTuplesResponse {
  /** Of the last commit; where nothing changed, of the state it was compared with. */
  readonly zookie: string;
  /** Tuples that stand by it. */
  readonly imported: number;
  /** How many of them stood otherwise, or not, before. */
  readonly changed: number;
  /** Commits that it took. */
  readonly chunks: number;
  /** Tuples left out; the first `limits.importProblemsMax` are told. */
  readonly skipped: number;
  readonly problems: readonly ImportProblem[];
}

/** A tuple that an import left out, and why. */
export interface ImportProblem {
  readonly position: number;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface ExportTuplesRequest {
  /** Empty: everything. */
  readonly filter: TupleFilter;
  /** From the last batch that was taken: goes on after it, at its snapshot. */
  readonly cursor?: string;
  readonly consistency?: Consistency;
}

export interface ExportTuplesResponse {
  /** The snapshot, the same for all batches. */
  readonly zookie: string;
  /** In a stable order, expired ones left out. */
  readonly tuples: readonly Tuple[];
  /** For going on after this batch; absent on the last. */
  readonly cursor?: string;
}

export interface WatchTuplesRequest {
  /** Events after this zookie; absent: from now. */
  readonly after?: string;
  /** From the earliest revision kept; not together with `after`. */
  readonly fromEarliest?: boolean;
  /** An operation that one of them matches is sent; none: all, with schema changes. */
  readonly filters?: readonly TupleFilter[];
  /** Schema changes even where filters are given. */
  readonly schemaChanges?: boolean;
  /** At least this often a checkpoint says how far the stream is complete; absent: none. */
  readonly checkpointMs?: number;
}

export type WatchEvent =
  | {
      readonly kind: "commit";
      /** Resuming after it misses nothing and repeats nothing; absent on all but the last part of a large commit. */
      readonly zookie?: string;
      readonly instant: Instant;
      readonly metadata: Metadata;
      readonly operations: readonly TupleChange[];
      /** The schema text, where the commit wrote one. */
      readonly schema?: string;
      /** False while more parts of the same commit follow. */
      readonly last: boolean;
    }
  /** Every matching event up to the zookie has been sent. */
  | { readonly kind: "checkpoint"; readonly zookie: string; readonly instant: Instant };

/** `write`: the tuple now stands so; `delete`: it was so and stands no longer. */
export interface TupleChange {
  readonly kind: "write" | "delete";
  readonly tuple: Tuple;
}

export interface CheckRequest {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly context?: Context;
  /** Laid over the snapshot for this request alone. */
  readonly contextualTuples?: readonly Tuple[];
  readonly consistency?: Consistency;
  readonly explain?: boolean;
}

/** The answer to one check. Neither allowed nor missing fields: denied. */
export interface Decision {
  readonly allowed: boolean;
  /** Not empty: conditional; with these context fields the answer would be decided, or come closer. */
  readonly missingFields: readonly string[];
  /** The snapshot that was read. Stored with new content, it makes later checks at least as fresh as this one. */
  readonly zookie: string;
  readonly instant: Instant;
  /** For how many milliseconds time alone cannot change the answer; absent: for ever. */
  readonly validForMs?: number;
  readonly explanation?: Explanation;
}

export interface BatchCheckRequest {
  readonly items: readonly BatchCheckItem[];
  readonly consistency?: Consistency;
}

export type BatchCheckItem = Omit<CheckRequest, "consistency">;

export interface BatchCheckResponse {
  /** All items were evaluated at this one snapshot. */
  readonly zookie: string;
  /** In the order of the items. */
  readonly results: readonly BatchCheckResult[];
}

export type BatchCheckResult = { readonly decision: Decision } | { readonly error: { readonly code: ErrorCode; readonly message: string } };

/** How an answer came about, one node a step of the evaluation, exactly as it ran. */
export interface Explanation {
  /** `document:1#view`, `+`, `group:eng#member via document:1#viewer`… for reading; the fields are for programs. */
  readonly kind: "permission" | "relation" | "union" | "intersection" | "exclusion" | "arrow" | "tuple" | "self" | "nil" | "identity" | "cycle" | "memo";
  readonly answer: "allowed" | "denied" | "conditional" | "undecided";
  readonly object?: ObjectRef;
  /** The relation or permission evaluated, or the arrow's (`parent->view`). */
  readonly member?: string;
  /** The tuple that was followed or found. */
  readonly tuple?: Tuple;
  /** Why a tuple did not count, or a branch was not decided: an error's message, `expired`, a condition's outcome. */
  readonly note?: string;
  readonly missingFields?: readonly string[];
  readonly children: readonly Explanation[];
}

export interface ExpandRequest {
  readonly object: ObjectRef;
  readonly permission: string;
  /** `false`: one level, usersets are left as leaves; `true`: down to the leaves. */
  readonly deep?: boolean;
  readonly consistency?: Consistency;
}

export interface ExpandResponse {
  readonly zookie: string;
  readonly tree: ExpandNode;
}

/** The userset tree of an object's relation or permission. */
export interface ExpandNode {
  readonly kind: "union" | "intersection" | "exclusion" | "leaf";
  /** The relation or permission that this node expands. */
  readonly object: ObjectRef;
  readonly member: string;
  /** For an exclusion: the base, then what is subtracted. */
  readonly children: readonly ExpandNode[];
  /** Of a leaf. */
  readonly subjects: readonly ExpandSubject[];
}

export interface ExpandSubject {
  readonly subject: SubjectRef;
  /** The condition that stands between the subject and the set: name and stored context. */
  readonly condition?: { readonly name: string; readonly context: Context };
  readonly expiresAt?: Instant;
  /** Deep expansion: what the userset holds; absent where it was not followed (a cycle, or one level). */
  readonly expanded?: ExpandNode;
}

export interface ReadSchemaRequest {
  readonly consistency?: Consistency;
}

export interface ReadSchemaResponse {
  /** As it was written, comments included. */
  readonly text: string;
  /** The commit that wrote it. */
  readonly zookie: string;
}

export interface WriteSchemaRequest {
  readonly text: string;
  readonly metadata?: Metadata;
  readonly validateOnly?: boolean;
  /** As of `WriteTuplesRequest`. */
  readonly awaitEnforcementMs?: number;
}

export interface WriteSchemaResponse {
  readonly zookie: string;
  /** False: the text equals the one in force, and nothing was committed. */
  readonly changed: boolean;
  /** Where it was awaited. */
  readonly enforcement?: Enforcement;
}

export interface DiffSchemaRequest {
  /** The schema proposed. */
  readonly text: string;
  /** What it is compared with; absent: the schema in force, or an empty one where none has been written. */
  readonly fromText?: string;
}

export interface DiffSchemaResponse {
  readonly changes: readonly SchemaChange[];
  /** The commit that wrote the schema in force; absent where two texts were compared, or none is in force. */
  readonly zookie?: string;
  /** Why the schema could not be written as the tuples stand, naming one that it would orphan. Absent: it could, or two texts were compared. */
  readonly orphans?: string;
}

export interface CreateTenantRequest {
  readonly name: string;
  /** Default: none. */
  readonly quotas?: Quotas;
}

export type ListTenantsRequest = object;

export interface ListTenantsResponse {
  /** In the order of their names. */
  readonly tenants: readonly Tenant[];
}

export interface DeleteTenantRequest {
  readonly name: string;
}

export interface SetTenantQuotasRequest {
  readonly name: string;
  /** Default: none. */
  readonly quotas?: Quotas;
}

export interface BackupRequest {
  /** What the log has gained after this zookie, of any tenant, rather than everything. */
  readonly since?: string;
}

/** The next bytes of the file. */
export interface BackupResponse {
  readonly bytes: Uint8Array;
}
