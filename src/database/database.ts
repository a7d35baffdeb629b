import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { memoryBudgetOf } from "../base/memory-budget.js";
import type { Recorder } from "../base/recorder.js";
import type {
  BackupRequest,
  BackupResponse,
  BatchCheckRequest,
  BatchCheckResponse,
  Call,
  CheckRequest,
  CreateTenantRequest,
  Decision,
  DeleteTenantRequest,
  DeleteTuplesRequest,
  DeleteTuplesResponse,
  DiffSchemaRequest,
  DiffSchemaResponse,
  ExpandRequest,
  ExpandResponse,
  ExportTuplesRequest,
  ExportTuplesResponse,
  ImportTuplesRequest,
  ImportTuplesResponse,
  ListTenantsRequest,
  ListTenantsResponse,
  LookupObjectsRequest,
  LookupObjectsResponse,
  LookupPermissionsRequest,
  LookupPermissionsResponse,
  LookupSubjectsRequest,
  LookupSubjectsResponse,
  ReadSchemaRequest,
  ReadSchemaResponse,
  ReadTuplesRequest,
  ReadTuplesResponse,
  Service,
  SetTenantQuotasRequest,
  WatchEvent,
  WatchTuplesRequest,
  WriteSchemaRequest,
  WriteSchemaResponse,
  WriteTuplesRequest,
  WriteTuplesResponse,
} from "../model/service.js";
import type {
  AuditEntry,
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
} from "../model/audit.js";
import { unobservedEvaluation } from "../evaluation/observer.js";
import type { Tenant } from "../model/tenant.js";
import { LiveDecisions } from "../decisions/live-decisions.js";
import { leasesInMemory, type LeaseRecord } from "../decisions/leases.js";
import type { LivePort } from "../decisions/port.js";
import type { ListHoldsRequest, ListHoldsResponse } from "../model/holds.js";
import type { LiveRequest, LiveResponse } from "../model/live.js";
import type { PreviewChangeRequest, PreviewChangeResponse } from "../model/preview.js";
import { resolveZookie } from "../storage/resolve-zookie.js";
import { openLevelStore, type LevelStoreOptions } from "../storage/level/store.js";
import type { Store } from "../storage/store.js";
import { Watches } from "../watch/watches.js";
import { openAuditLog, type AuditLog, type AuditOptions } from "./audit-log.js";
import { getCheckpoint, proveDecision, queryDecisions, redactDecisions, tailDecisions } from "./audits.js";
import { backup } from "./backup.js";
import { batchCheck, check, expandTree } from "./checks.js";
import { Core } from "./core.js";
import { exportTuples } from "./exports.js";
import { listHolds } from "./holds.js";
import { importTuples } from "./imports.js";
import { lookupObjectsPage, lookupPermissionsOf, lookupSubjectsPage } from "./lookups.js";
import { LiveRecordings } from "./live-recordings.js";
import { findLoss } from "./losses.js";
import { previewChange } from "./previews.js";
import { Recordings } from "./recordings.js";
import { replayDecisions } from "./replays.js";
import { readSchema, readTuples } from "./reads.js";
import { diffSchema } from "./schema-diff.js";
import { createTenant, deleteTenant, listTenants, setTenantQuotas } from "./tenants.js";
import type { DatabaseObserver, DatabaseStatus } from "./status.js";
import { openLeaseFile } from "./lease-file.js";
import { VerificationThread } from "./verification-thread.js";
import { validateQuestion } from "./validate.js";
import { deleteTuples, writeSchema, writeTuples } from "./writes.js";

export interface DatabaseOptions extends LevelStoreOptions {
  readonly observer?: DatabaseObserver;
  /** What the relation cache and the memo may hold in memory, estimated; default: `memoryBudgetBytesDefault()`. */
  readonly memoryBudgetBytes?: number;
  /** Default: no decision log is kept. */
  readonly audit?: AuditOptions;
}

/** What stands beside the store. */
export interface DatabaseParts {
  /** The longest lease that was ever given, kept over restarts. Default: none was, as in a store that nobody held before. */
  readonly leases?: LeaseRecord;
  /** Evaluates in a thread of its own. Default: nobody does. */
  readonly verification?: LivePort["verification"];
  /** What is decided and done is recorded there; it is closed with the database. Default: nowhere. */
  readonly log?: AuditLog | undefined;
}

/**
 * The database in this process: a store, the schemas, the evaluation and the streams, behind the service's contract.
 * The server's handlers and an embedding program call the same methods.
 */
export class Database implements Service {
  readonly #core: Core;
  readonly #watches: Watches;
  readonly #live: LiveDecisions;
  readonly #log: AuditLog | undefined;
  readonly #liveRecordings: LiveRecordings | undefined;

  constructor(store: Store, options: Pick<DatabaseOptions, "observer" | "memoryBudgetBytes" | "report"> = {}, { leases = leasesInMemory(), verification, log }: DatabaseParts = {}) {
    const core = new Core(store, options.observer, options.memoryBudgetBytes);
    this.#core = core;
    this.#log = log;
    this.#liveRecordings = log && new LiveRecordings(log, core);
    if (log !== undefined) core.recordings = new Recordings(log, () => store.clock.now());
    this.#watches = new Watches(store);
    this.#live = new LiveDecisions({
      store,
      cache: core.cache,
      observer: options.observer ?? unobservedEvaluation,
      leases,
      // What was found has been corrected: a program without a log hears of it, and goes on.
      report: options.report ?? warn,
      schemaAt: async (snapshot, tenant) => core.schemas.atHand(snapshot, tenant) ?? (await core.schemas.at(snapshot, tenant)),
      compiled: (text, revision) => core.schemas.compiled(text, revision),
      validate: validateQuestion,
      zookie: (tenant, revision) => core.zookie(tenant, revision),
      revisionOf: (tenant, zookie) => resolveZookie(store, tenant, zookie),
      monotonicMs: () => performance.now(),
      recorder: this.#liveRecordings,
      verification,
    });
    core.enforced = (revision, waitMs, signal) => this.#live.enforced(revision, waitMs, signal);
  }

  /**
   * Opens the folder as a LevelDB store; an absent or empty one becomes a new store.
   * @throws `invalid_configuration` where no folder is named or the budget is out of its bounds, `store_in_use`, `store_corrupt`, `store_format_newer`, `not_a_store`, `clock_behind`, `store_unavailable`
   */
  static async open(folder: string, options: DatabaseOptions = {}): Promise<Database> {
    if (folder === "") throw new UsherError("invalid_configuration", "the folder's name is empty: name the folder in which the database is to be");
    const memoryBudgetBytes = memoryBudgetOf(options.memoryBudgetBytes);
    const store = await openLevelStore(folder, options);
    const report = options.report ?? warn;
    try {
      const log = options.audit && (await openAuditLog(folder, store, options.audit, report, options.observer));
      try {
        const verification: LivePort["verification"] = (signal) => VerificationThread.begin(store, signal);
        return new Database(store, { ...options, memoryBudgetBytes }, { leases: await openLeaseFile(folder), verification, log });
      } catch (error) {
        await log?.close();
        throw error;
      }
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  writeTuples(request: WriteTuplesRequest, call: Call): Promise<WriteTuplesResponse> {
    return writeTuples(this.#core, request, call);
  }

  deleteTuples(request: DeleteTuplesRequest, call: Call): Promise<DeleteTuplesResponse> {
    return deleteTuples(this.#core, request, call);
  }

  readTuples(request: ReadTuplesRequest, call: Call): Promise<ReadTuplesResponse> {
    return readTuples(this.#core, request, call);
  }

  importTuples(messages: AsyncIterable<ImportTuplesRequest>, call: Call): Promise<ImportTuplesResponse> {
    return importTuples(this.#core, messages, call);
  }

  exportTuples(request: ExportTuplesRequest, call: Call): AsyncIterable<ExportTuplesResponse> {
    return exportTuples(this.#core, request, call);
  }

  watchTuples(request: WatchTuplesRequest, call: Call): AsyncIterable<WatchEvent> {
    return this.#watches.watch(this.#core.tenant(call), request, call.signal);
  }

  live(requests: AsyncIterable<LiveRequest>, call: Call): AsyncIterable<LiveResponse> {
    return this.#live.live(requests, this.#core.tenant(call), call.signal, call);
  }

  listHolds(request: ListHoldsRequest, call: Call): AsyncIterable<ListHoldsResponse> {
    return listHolds(this.#core, this.#live, request, call);
  }

  previewChange(request: PreviewChangeRequest, call: Call): Promise<PreviewChangeResponse> {
    return previewChange(this.#core, this.#live, request, call);
  }

  check(request: CheckRequest, call: Call): Promise<Decision> {
    return check(this.#core, request, call);
  }

  batchCheck(request: BatchCheckRequest, call: Call): Promise<BatchCheckResponse> {
    return batchCheck(this.#core, request, call);
  }

  expand(request: ExpandRequest, call: Call): Promise<ExpandResponse> {
    return expandTree(this.#core, request, call);
  }

  lookupObjects(request: LookupObjectsRequest, call: Call): Promise<LookupObjectsResponse> {
    return lookupObjectsPage(this.#core, request, call);
  }

  lookupSubjects(request: LookupSubjectsRequest, call: Call): Promise<LookupSubjectsResponse> {
    return lookupSubjectsPage(this.#core, request, call);
  }

  lookupPermissions(request: LookupPermissionsRequest, call: Call): Promise<LookupPermissionsResponse> {
    return lookupPermissionsOf(this.#core, request, call);
  }

  readSchema(request: ReadSchemaRequest, call: Call): Promise<ReadSchemaResponse> {
    return readSchema(this.#core, request, call);
  }

  writeSchema(request: WriteSchemaRequest, call: Call): Promise<WriteSchemaResponse> {
    return writeSchema(this.#core, request, call);
  }

  diffSchema(request: DiffSchemaRequest, call: Call): Promise<DiffSchemaResponse> {
    return diffSchema(this.#core, request, call);
  }

  createTenant(request: CreateTenantRequest, call: Call): Promise<Tenant> {
    return createTenant(this.#core, request, call);
  }

  async listTenants(_request: ListTenantsRequest, call: Call): Promise<ListTenantsResponse> {
    return listTenants(this.#core, call);
  }

  deleteTenant(request: DeleteTenantRequest, call: Call): Promise<object> {
    return deleteTenant(this.#core, { watches: this.#watches, live: this.#live }, request, call);
  }

  setTenantQuotas(request: SetTenantQuotasRequest, call: Call): Promise<Tenant> {
    return setTenantQuotas(this.#core, request, call);
  }

  queryDecisions(request: QueryDecisionsRequest, call: Call): Promise<QueryDecisionsResponse> {
    return queryDecisions(this.#core, this.#log, request, call);
  }

  tailDecisions(request: TailDecisionsRequest, call: Call): AsyncIterable<TailEvent> {
    return tailDecisions(this.#core, this.#log, request, call);
  }

  getCheckpoint(request: GetCheckpointRequest, call: Call): Promise<GetCheckpointResponse> {
    return getCheckpoint(this.#core, this.#log, request, call);
  }

  proveDecision(request: ProveDecisionRequest, call: Call): Promise<ProveDecisionResponse> {
    return proveDecision(this.#core, this.#log, request, call);
  }

  replayDecisions(request: ReplayDecisionsRequest, call: Call): Promise<ReplayDecisionsResponse> {
    return replayDecisions(this.#core, this.#log, request, call);
  }

  redactDecisions(request: RedactDecisionsRequest, call: Call): Promise<RedactDecisionsResponse> {
    return redactDecisions(this.#core, this.#log, request, call);
  }

  findLoss(request: FindLossRequest, call: Call): Promise<FindLossResponse> {
    return findLoss(this.#core, this.#log, request, call);
  }

  backup(request: BackupRequest, call: Call): AsyncIterable<BackupResponse> {
    return backup(this.#core, request, call);
  }

  now(): Instant {
    return this.#core.store.clock.now();
  }

  /** Where the server itself writes what happens to it; undefined: nowhere. */
  get recorder(): Recorder<AuditEntry> | undefined {
    return this.#log;
  }

  /** Of a tenant that stands and is bounded so; a server holds its callers to it. */
  requestsPerSecond(tenant: string): number | undefined {
    return this.#core.store.quotasOf(tenant)?.requestsPerSecond;
  }

  /** As of now; cheap enough to be asked each second. */
  status(): DatabaseStatus {
    const { store, schemas, cache } = this.#core;
    const { condition, head, horizon, clock } = store;
    return { store: condition, head, horizon, now: clock.now(), ...this.#watches.status(), schemasCompiled: schemas.compilations, cache: cache.status, live: this.#live.status, ...(this.#log && { audit: this.#log.standing }) };
  }

  /** Called after the store's state has become another. */
  onStatus(listener: () => void): () => void {
    return this.#core.store.onCondition(listener);
  }

  async close(): Promise<void> {
    this.#watches.close();
    this.#live.stop();
    this.#core.schemas.stop();
    this.#core.cache.stop();
    await this.#live.quiet;
    await this.#liveRecordings?.quiet;
    await this.#core.store.close();
    await this.#log?.close();
  }
}

function warn(error: Error): void {
  process.emitWarning(error);
}
