import { UsherError } from "./base/errors.js";
import { packageVersion } from "./cli/version.js";
import { Usher } from "./client/usher.js";
import { Database } from "./database/database.js";
import { auditModes, type AuditMode } from "./model/audit.js";
import { quote } from "./model/object.js";
import { restoreStore } from "./storage/level/backup/restore.js";

export { connect, Usher } from "./client/usher.js";
export type {
  CheckItem,
  CheckOptions,
  DeleteOptions,
  DiffOptions,
  ExpandOptions,
  ExportOptions,
  ImportOptions,
  PageOptions,
  PreviewItem,
  PreviewOptions,
  ReadOptions,
  SchemaOptions,
  WatchOptions,
  WriteOptions,
} from "./client/usher.js";
export { DecisionLog } from "./client/decision-log.js";
export type { DecisionFilter, LogEvent, LoggedPage, LoggedRecord, QueryOptions, TailOptions } from "./client/decision-log.js";
export { create, remove, touch } from "./client/references.js";
export { Guard } from "./client/guard/guard.js";
export type { GuardOptions, HoldOptions, HoldSubjectsOptions } from "./client/guard/guard.js";
export type { DecisionChange, GuardEvents } from "./client/guard/guard-events.js";
export type { GuardTime } from "./client/guard/guard-time.js";
export type { HeldSet, HeldSetEvents, HeldSetReason, SetChange } from "./client/guard/held-set.js";
export type { Hold, HoldReason } from "./client/guard/hold.js";
export { LiveTokens } from "./client/browser/live-tokens.js";
export type { BrowserQuestion, LiveToken } from "./client/browser/live-tokens.js";
export { browserStream } from "./client/browser/stream.js";
export type { BrowserStreamOptions } from "./client/browser/stream.js";
export { permissionHook, requirePermission } from "./client/guard/middleware/require-permission.js";
export { permissionInterceptor } from "./client/guard/middleware/permission-interceptor.js";
export type { GrpcRequest, PermissionInterceptorOptions } from "./client/guard/middleware/permission-interceptor.js";
export { permissionUpgrade } from "./client/guard/middleware/permission-upgrade.js";
export type { Requirement } from "./client/guard/middleware/admission.js";
export { typed, typedOperations } from "./client/typed.js";
export type { SchemaTypes, TypedCheckItem, TypedCheckOptions, TypedObject, TypedOperations, TypedSubject, TypedTuple, TypedUsher } from "./client/typed.js";
export type { FoundSubject, LookupObjectsOptions, LookupPermissionsOptions, LookupSubjectsOptions } from "./client/lookups.js";
export type { ImportSource, Placed } from "./client/import-messages.js";
export type { ObjectLike, SubjectLike, TupleLike } from "./client/references.js";
export type { RemoteOptions } from "./client/remote.js";
export type { SecurityOptions, TlsOptions } from "./client/security.js";
export { errorCodes, UsherError } from "./base/errors.js";
export type { ErrorCode, ErrorDetails } from "./base/errors.js";
export type { Instant } from "./base/clock.js";
export type { CallAttribution } from "./model/attribution.js";
export type { AuditEntry, AuditFilter, AuditKind, AuditRecord, FindLossResponse, GetCheckpointResponse, ProveDecisionResponse, RecordedAnswer, ReplayOutcome } from "./model/audit.js";
export type { Context, ContextValue } from "./model/context.js";
export type { TupleFilter } from "./model/filter.js";
export type { Cause } from "./model/live.js";
export { object } from "./model/object.js";
export type { ObjectRef } from "./model/object.js";
export type { HoldingStream, StandingDecision } from "./model/holds.js";
export type { PreviewChangeResponse, PreviewedChange } from "./model/preview.js";
export type { ParameterChange, SchemaChange, SchemaChangeKind } from "./model/schema/change.js";
export { subject } from "./model/subject.js";
export type { SubjectRef } from "./model/subject.js";
export type { Quotas, Tenant } from "./model/tenant.js";
export type { Tuple, TupleCondition } from "./model/tuple.js";
export type {
  BatchCheckResponse,
  BatchCheckResult,
  Consistency,
  Decision,
  DeleteTuplesResponse,
  DiffSchemaResponse,
  ExpandNode,
  ExpandResponse,
  ExpandSubject,
  Explanation,
  ExportTuplesResponse,
  ImportProblem,
  ImportTuplesResponse,
  LookupCount,
  LookupExclusion,
  LookupObjectsResponse,
  LookupObjectsResult,
  LookupPermissionsResponse,
  LookupPermissionsResult,
  LookupSubjectsResponse,
  LookupSubjectsResult,
  Metadata,
  Operation,
  Precondition,
  ReadSchemaResponse,
  ReadTuplesResponse,
  TupleChange,
  WatchEvent,
  WriteSchemaResponse,
  WriteTuplesResponse,
} from "./model/service.js";

export interface OpenOptions {
  /** How far back snapshots, watches and request ids reach, in milliseconds; may be `Infinity`. Default: a day. */
  readonly horizonMs?: number;
  /** What the tuples and results that are kept in memory may take, estimated, in bytes: at most about half the heap. Default: 256 MiB, less where the heap is small. */
  readonly memoryBudgetBytes?: number;
  /** The operator's word that this machine's clock is right, though it stands behind the last commit's instant. */
  readonly acceptClock?: boolean;
  /** Upgrade the folder where an earlier version wrote it; what it was is kept beside it. Default: false. */
  readonly upgrade?: boolean;
  /** The decision log, in `audit` in the folder, is kept: each grant waits for its record (`block`), or is recorded a moment later (`buffer`). Default: `off`. */
  readonly audit?: AuditMode;
  /** Default: `default`. */
  readonly tenant?: string;
}

/**
 * Makes a database of a full backup and the increments after it, in order, in a folder that is empty or absent. Every file is verified
 * before anything is written. Its zookies go on up to the head of the backup; what was given after that is `zookie_of_lost_timeline`.
 *
 * @throws `store_exists`, `not_a_store`, `restore_unfinished`, `backup_damaged`, `backup_mismatch`, `invalid_file`, `store_format_newer`, `store_unavailable`
 */
export async function restore(folder: string, files: readonly string[]): Promise<void> {
  await restoreStore(folder, files);
}

/**
 * Opens a database in this process: no server, one folder, held by one process at a time. An absent or
 * empty folder becomes a new database. Close it, so that the folder is free again.
 *
 * @throws `invalid_configuration`, `store_in_use`, `store_corrupt`, `store_format_newer`, `store_format_older`, `restore_unfinished`, `not_a_store`, `clock_behind`,
 * `store_unavailable`
 */
export async function open(folder: string, options: OpenOptions = {}): Promise<Usher> {
  const { tenant, audit = "off", ...storeOptions } = options;
  if (!auditModes.includes(audit)) throw new UsherError("invalid_configuration", `audit is ${quote(audit)}: the modes are ${auditModes.map(quote).join(", ")}`);
  return new Usher(await Database.open(folder, { ...storeOptions, ...(audit !== "off" && { audit: { mode: audit, version: packageVersion() } }) }), tenant);
}
