import type { Clock, Instant } from "../base/clock.js";
import type { TupleFilter } from "../model/filter.js";
import type { ImportProblem, Metadata, Operation, Precondition, TupleChange } from "../model/service.js";
import type { TupleShape } from "../model/schema/schema.js";
import type { StoredTuple, Tuple } from "../model/tuple.js";
import type { ObjectRef } from "../model/object.js";
import type { SubjectRef } from "../model/subject.js";
import type { Quotas, Tenant } from "../model/tenant.js";
import type { Revision, TenantId } from "../model/zookie.js";

/**
 * The contract of a store: commit, probe, list, log. Whatever stands behind it, these hold:
 *
 * - Commits are serial. Each has a revision of its own, one above the one before, over all tenants.
 * - Durable first, then visible, then the listeners, then the writer's answer.
 * - A snapshot sees exactly the commits up to its revision, however long it is held and whatever is collected.
 * - Nothing acknowledged is lost, nothing is invented; damage that can be seen is an error with a code.
 */
export interface Store {
  /** Which store and timeline this is, as in its zookies. */
  readonly identity: StoreIdentity;
  /** The timelines that restores have ended, the first one first: what was given in one of them holds up to its fork. */
  readonly ancestors: readonly Ancestor[];
  readonly clock: Clock;
  /** The newest commit that is durable and visible. */
  readonly head: Head;
  /** Snapshots and logs work back to here. */
  readonly horizon: Head;

  /** The tenant's number. @throws `tenant_unknown` */
  tenant(name: string): TenantId;

  /** Whether the tenant of this number stands: a number outlives its tenant in whoever holds it, and is never given again. */
  hasTenant(tenant: TenantId): boolean;

  /** Of a tenant that stands. */
  quotasOf(name: string): Quotas | undefined;

  /** In the order of their names. */
  listTenants(): readonly Tenant[];

  /** Durable when it resolves. @throws `tenant_exists`, `quota_exceeded` at the bound of tenants, `outcome_unknown`, and as `commit` */
  createTenant(name: string, quotas: Quotas): Promise<Tenant>;

  /** @throws `tenant_unknown`, `outcome_unknown`, and as `commit` */
  setTenantQuotas(name: string, quotas: Quotas): Promise<Tenant>;

  /**
   * Ends a tenant. When it resolves that is durable, its name is free, and no write of it is applied any
   * more. Its rows are deleted in the background, over restarts if need be; its commits stay in the log until
   * the horizon has passed them, where nothing reads them. @throws `tenant_unknown`, `outcome_unknown`, and as `commit`
   */
  deleteTenant(name: string): Promise<void>;

  /**
   * Validates and applies one write, atomically. Resolves when it is durable, visible and listeners have run.
   * @throws `tenant_unknown`, `quota_exceeded`, `tuple_exists`, `precondition_failed`, `schema_changed`, `schema_orphans_tuples`, `request_id_reused`,
   * `overloaded`, `store_unavailable`, `outcome_unknown`, `closed`
   */
  commit(write: Write): Promise<WriteOutcome>;

  /**
   * Begins an import: its tuples are staged, out of everybody's sight, and committed by `finish` alone, in chunks, each a
   * commit that touches them. From then on nothing but the tenant's end stops it: not its caller, nor the disk's or the
   * process's failure, after which it goes on by itself. What an import has staged that never came to `finish` is deleted.
   * @throws `tenant_unknown`, `overloaded`, `request_id_reused` while an import of the same id is being staged, and as `commit`
   */
  beginImport(options: ImportOptions): Promise<Import>;

  /**
   * What an import of this id came to, within the horizon; of one that is being committed, once it is done. Undefined: it was
   * never finished. @throws as `Import.finish`
   */
  importOutcome(tenant: TenantId, principal: string, id: string, signal?: AbortSignal): Promise<ImportOutcome | undefined>;

  /**
   * A read view at `revision`, by default at head. Release it in a `finally`.
   * @throws `zookie_expired` below the horizon, `zookie_ahead` above head, `store_unavailable`, `closed`
   */
  snapshot(revision?: Revision): Snapshot;

  /** The revision that was head at the instant. @throws `zookie_expired` where that is before the horizon */
  revisionAt(instant: Instant): Promise<Revision>;

  /**
   * A tenant's commits after a revision, in order, up to head as it is when the page is read, at most `limit`.
   * `through`: every commit of the tenant up to there is in this page or before it.
   * @throws `zookie_expired`
   */
  log(tenant: TenantId, after: Revision, limit: number): Promise<{ commits: Commit[]; through: Revision }>;

  /** Called synchronously for each commit, in order, once it is durable and visible, before the writer is answered. */
  onCommit(listener: (commit: Commit) => void): () => void;

  /** What can be asked of the store now, and how busy it is. */
  readonly condition: StoreCondition;

  /** Called after the state of `condition` has become another. */
  onCondition(listener: () => void): () => void;

  /**
   * The bytes of a backup file: everything as of a head that the store reaches while this begins, or, after
   * `since`, what the log has gained. Writes and reads go on meanwhile. What is not consumed holds it up.
   * @throws on iteration: `zookie_expired`, `zookie_ahead`, `overloaded` while another one runs, `store_unavailable`, `closed`, `cancelled`
   */
  backup(since?: Revision, signal?: AbortSignal): AsyncIterable<Uint8Array>;

  /** Answered writes are durable; waiting ones are refused with `closed`. */
  close(): Promise<void>;
}

export interface StoreIdentity {
  /** 8 hex digits each. */
  readonly store: string;
  readonly timeline: string;
}

/** A timeline that a restore ended: its commits up to `fork` are commits of the timelines after it as well. */
export interface Ancestor {
  readonly timeline: string;
  readonly fork: Revision;
}

/**
 * `ready`; `failed`: the disk refused a batch, or did not let the store be reopened, which is tried again; `reviving`: it is being
 * reopened; `ended`: damage was found, or it was closed, and nothing is served.
 */
export type StoreState = "ready" | "failed" | "reviving" | "ended";

export interface StoreCondition {
  readonly state: StoreState;
  /** Ready, and the clock is to be trusted. */
  readonly writable: boolean;
  /** Reads are answered, or will be once the store has been reopened; not while that has failed and is to be tried again. */
  readonly readable: boolean;
  /** How far the wall clock stands ahead of the store's (negative: behind), where that is more than is followed; else 0. */
  readonly clockJumpMs: number;
  readonly writesQueued: number;
  readonly readsInFlight: number;
  readonly readsWaiting: number;
  /** When the last verification of all its files ended; absent before the first. */
  readonly scrubbedAt?: Instant;
}

export interface Head {
  readonly revision: Revision;
  readonly instant: Instant;
}

export interface Write {
  readonly tenant: TenantId;
  /** With `requestId`: the scope in which the id must not be reused. */
  readonly principal: string;
  readonly requestId?: string;
  /** Hash of the request's meaning: a retry with another hash is `request_id_reused`. Given where `requestId` is. */
  readonly requestHash?: string;
  readonly preconditions: readonly Precondition[];
  readonly operations: readonly Operation[];
  /** Deletes what matches one of the filters, at most `limit`; applied after `operations`. */
  readonly erase?: { readonly filters: readonly TupleFilter[]; readonly limit: number };
  /** A new schema, and whether tuples of a shape may stand under it. */
  readonly schema?: { readonly text: string; readonly admits: (shape: TupleShape) => boolean };
  /** The revision of the schema that the operations were validated against (0: none); if another one is in force the write fails with `schema_changed`. */
  readonly expectSchema?: Revision;
  readonly metadata: Metadata;
  readonly validateOnly: boolean;
}

export interface WriteOutcome {
  /** Of the commit; where nothing changed or nothing was to be written, the state it was compared with. */
  readonly revision: Revision;
  readonly instant: Instant;
  /** How many tuples now stand otherwise, and one for a schema that does. */
  readonly changed: number;
  /** `erase` stopped at its limit and more match. */
  readonly more: boolean;
  /** This is the answer to an earlier request with the same id. */
  readonly repeated: boolean;
}

export interface ImportOptions {
  readonly tenant: TenantId;
  readonly principal: string;
  /** By this and the principal its outcome can be asked for. */
  readonly id?: string;
  /** The revision of the schema that its tuples are validated against. */
  readonly expectSchema: Revision;
  /** Of each of its commits. */
  readonly metadata: Metadata;
  /** Of one identity that it holds more than once the first stands, and the others are told of as problems. */
  readonly skipDuplicates: boolean;
}

/** A tuple with its place in its source, such as a line, 0 to 4,294,967,295, by which messages name it. */
export interface PlacedTuple {
  readonly tuple: Tuple;
  readonly position: number;
}

/** An import while it is staged. Its calls do not overlap. */
export interface Import {
  /** Tuples that were validated. @throws `request_too_large` beyond what can be merged, and as `commit` */
  append(tuples: readonly PlacedTuple[]): Promise<void>;

  /** Tells of a tuple that its source holds and that is not imported. */
  skip(problem: ImportProblem): void;

  /**
   * Commits all of it, or nothing: what could refuse it is checked before the first commit. Where this rejects with `outcome_unknown`,
   * `store_unavailable` or because the signal was aborted, the import may be going on, as `importOutcome` will tell.
   * @throws `duplicate_operation`, `schema_changed`, `quota_exceeded`, and as `commit`
   */
  finish(signal?: AbortSignal): Promise<ImportOutcome>;

  /** Nothing is left of what was staged; after `finish` has begun to commit, does nothing. */
  abort(): Promise<void>;
}

export interface ImportOutcome extends Head {
  /** Tuples that were committed, changed or not. */
  readonly tuples: number;
  /** How many of them stood otherwise, or not, before. */
  readonly changed: number;
  /** Commits. */
  readonly chunks: number;
  /** Tuples that were not imported, of which the first `limits.importProblemsMax` are among the problems. */
  readonly skipped: number;
  readonly problems: readonly ImportProblem[];
}

/** One commit as the log keeps it. */
export interface Commit {
  readonly revision: Revision;
  readonly instant: Instant;
  readonly tenant: TenantId;
  readonly principal: string;
  readonly metadata: Metadata;
  readonly changes: readonly StoredChange[];
  readonly schema?: string;
}

/**
 * `write`: the tuple as it stands from this commit on; `delete`: the tuple as it stood.
 * `replaced`: since when the version that it ended had stood; absent for a tuple that is new.
 */
export interface StoredChange extends TupleChange {
  readonly replaced?: Revision;
}

/** A key to probe: the identity of one tuple. */
export interface TupleKey {
  readonly object: ObjectRef;
  readonly relation: string;
  readonly subject: SubjectRef;
}

/** What to list, with the order that follows. Pages continue `after` the last key of the page before. */
export interface ListQuery {
  readonly filter: TupleFilter;
  readonly after?: TupleKey;
  readonly limit: number;
}

export interface Snapshot {
  readonly revision: Revision;
  readonly instant: Instant;

  /** Each key's tuple as of this revision, expired ones too; undefined where none stands. */
  probe(tenant: TenantId, keys: readonly TupleKey[], signal?: AbortSignal): Promise<(StoredTuple | undefined)[]>;

  /**
   * A page of the tuples that match, expired ones too, each field in the order of its bytes. By subject, in the order of
   * (subject type, id, relation, object type, relation, object id), where the filter names a subject's id and no object's, or
   * a subject's type and no object type; else by object, in the order of (object type, id, relation, subject type, subject
   * relation, subject id). `next`: give it as `after` for the page that follows; absent when nothing more matches. A page may
   * be short, even empty, and still have a `next`.
   */
  list(tenant: TenantId, query: ListQuery, signal?: AbortSignal): Promise<{ tuples: StoredTuple[]; next?: TupleKey }>;

  /** The schema in force at this revision and the commit that wrote it; undefined before the first. */
  schema(tenant: TenantId): Promise<{ text: string; revision: Revision } | undefined>;

  release(): void;
}
