import { join } from "node:path";

import type { Clock, Instant, SteadyClock } from "../../base/clock.js";
import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Quotas, Tenant } from "../../model/tenant.js";
import type { Revision, TenantId } from "../../model/zookie.js";
import { type StoreObserver, unobservedStore } from "../observer.js";
import type { Ancestor, Commit, Head, Import, ImportOptions, ImportOutcome, Snapshot, Store, StoreCondition, StoreIdentity, Write, WriteOutcome } from "../store.js";
import { Backups, checkpointName } from "./backup/backups.js";
import { makeCheckpoint } from "./checkpoint.js";
import { instantOf, readCommits, revisionsAfter } from "./commit-log.js";
import { Condition } from "./condition.js";
import { asStoreError } from "./failure.js";
import { ReadGate } from "./gate.js";
import type { Group } from "./group.js";
import { Handle, type Pin } from "./handle.js";
import { ImportDesk } from "./import-desk.js";
import { parseTimeLogKey, timeLogKey } from "./keys.js";
import { Maintenance } from "./maintenance.js";
import { levelFolder, type Marker, writeMarker } from "./marker.js";
import { putMeta } from "./meta.js";
import { type Apply, closedError, type CommitGroup, CommitPipeline } from "./pipeline.js";
import type { OpenRaw, RawDatabase } from "./raw.js";
import { Revival } from "./revival.js";
import { first } from "./scan.js";
import type { TableFile } from "./scrub.js";
import { Scrubber } from "./scrubber.js";
import { LevelSnapshot } from "./snapshot.js";
import { Staging } from "./staging.js";
import { setCounter, type State } from "./state.js";
import { describe, TenantChanges } from "./tenant-changes.js";
import { TenantPurge } from "./tenant-purge.js";

/** What opening has found and made. */
export interface OpenedStore {
  readonly folder: string;
  readonly raw: RawDatabase;
  readonly state: State;
  readonly clock: SteadyClock;
  readonly horizonMs: number;
  readonly openRaw: OpenRaw;
  readonly report: (error: Error) => void;
  readonly observer?: StoreObserver;
  /** Tables that opening had no time to verify. */
  readonly unscrubbed: readonly TableFile[];
}

/**
 * The store on LevelDB. It owns what is published: the handle with its pin, and the state at head;
 * both change only in `publish` and in a revival, which the pipeline calls one at a time.
 */
export class LevelStore implements Store {
  readonly clock: Clock;
  readonly identity: StoreIdentity;
  readonly horizonMs: number;
  #opened: OpenedStore;
  #handle: Handle | undefined;
  #state: State;
  #gate = new ReadGate();
  #pipeline: CommitPipeline;
  #maintenance: Maintenance;
  #scrubber: Scrubber;
  #tenantChanges: TenantChanges;
  #tenantPurge: TenantPurge;
  #imports: ImportDesk;
  #backups: Backups;
  #listeners = new Set<(commit: Commit) => void>();
  #condition = new Condition();
  #scrubbedAt: Instant | undefined;
  /** Why nothing is served any more. */
  #ended: UsherError | undefined;
  #revival: Revival;
  #marking: Promise<void> = Promise.resolve();
  /** The revision that the marker was last told of. */
  #witnessed: Revision | undefined;
  #closing: Promise<void> | undefined;

  constructor(opened: OpenedStore, maintenanceMs: number) {
    this.#opened = opened;
    this.#state = opened.state;
    this.clock = opened.clock;
    this.identity = opened.state.identity;
    this.horizonMs = opened.horizonMs;
    this.#handle = new Handle(opened.raw, opened.state.head.revision);
    this.#pipeline = new CommitPipeline({
      staging: () => new Staging(this.#pin(), this.#state, this.clock, this.horizonMs),
      apply: (batch) => this.#pin().handle.raw.batch(batch, { sync: true }),
      publish: (group) => this.#publish(group),
      revive: async () => {
        if (this.#ended) throw this.#ended;
        await this.#revival.run();
      },
      failed: () => {
        this.#condition.become("failed");
        this.#revival.later();
      },
      observer: opened.observer ?? unobservedStore,
    });
    this.#revival = this.#makeRevival(opened);
    this.#maintenance = new Maintenance(this);
    this.#maintenance.start(maintenanceMs);
    this.#scrubber = new Scrubber(levelFolder(opened.folder), (damage) => this.#end(damage), () => (this.#scrubbedAt = this.clock.now()));
    if (opened.unscrubbed.length === 0) this.#scrubbedAt = this.clock.now();
    this.#scrubber.start(opened.unscrubbed);
    this.#tenantChanges = new TenantChanges(this);
    this.#tenantPurge = new TenantPurge(this);
    this.#tenantPurge.start();
    this.#imports = new ImportDesk(this);
    this.#imports.start();
    this.#backups = new Backups(opened.folder, this);
  }

  #makeRevival({ folder, openRaw }: OpenedStore): Revival {
    return new Revival({
      folder,
      openRaw,
      gate: this.#gate,
      condition: this.#condition,
      state: () => this.#state,
      handle: () => this.#handle,
      drop: () => {
        const broken = this.#handle;
        this.#handle = undefined;
        return broken;
      },
      adopt: (raw, found, missed) => this.#adopt(raw, found, missed),
      queue: () => void this.#pipeline.between(async () => undefined).catch(() => undefined),
      revived: () => this.#imports.start(),
      end: (damage) => this.#end(damage),
    });
  }

  get head(): Head {
    const { revision, instant } = this.#state.head;
    return { revision, instant };
  }

  get horizon(): Head {
    return this.#state.horizon;
  }

  get ancestors(): readonly Ancestor[] {
    return this.#state.ancestors;
  }

  /** For maintenance and the tenants alone. */
  get state(): State {
    return this.#state;
  }

  tenant(name: string): TenantId {
    return this.#state.tenants.named(name).id;
  }

  hasTenant(tenant: TenantId): boolean {
    return this.#state.tenants.has(tenant);
  }

  quotasOf(name: string): Quotas | undefined {
    return this.#state.tenants.quotasOf(name);
  }

  listTenants(): readonly Tenant[] {
    return this.#state.tenants.list().map((tenant) => describe(this.#state, tenant));
  }

  async createTenant(name: string, quotas: Quotas): Promise<Tenant> {
    return this.#tenantChanges.create(name, quotas);
  }

  async setTenantQuotas(name: string, quotas: Quotas): Promise<Tenant> {
    return this.#tenantChanges.setQuotas(name, quotas);
  }

  async deleteTenant(name: string): Promise<void> {
    await this.#tenantChanges.end(name);
    this.#tenantPurge.start();
  }

  async commit(write: Write): Promise<WriteOutcome> {
    if (this.#ended) throw this.#ended;
    return this.#pipeline.commit(write);
  }

  async beginImport(options: ImportOptions): Promise<Import> {
    if (this.#ended) throw this.#ended;
    return this.#imports.begin(options);
  }

  async importOutcome(tenant: TenantId, principal: string, id: string, signal?: AbortSignal): Promise<ImportOutcome | undefined> {
    return this.#imports.outcome(tenant, principal, id, signal);
  }

  /** While the handle is being replaced, one at head can be had all the same: its reads wait until that is done. */
  snapshot(revision: Revision = this.#state.head.revision): Snapshot {
    if (this.#ended) throw this.#ended;
    const { head, horizon } = this.#state;
    if (revision > head.revision) throw ahead(revision, head);
    if (revision < horizon.revision) throw expired(`revision ${revision}`, horizon);
    const known = [head, horizon].find((at) => at.revision === revision);
    const pin = known ? this.#handle?.pin : this.#pin();
    const instant = known?.instant ?? instantOf(this.#pin(), revision);
    return new LevelSnapshot(this, this.#gate, pin?.hold(), revision, instant);
  }

  /** @throws `zookie_expired`, `store_unavailable`, `closed` */
  pinFor(revision: Revision): Pin {
    const pin = this.#pin();
    const { horizon } = this.#state;
    if (revision < horizon.revision) throw expired(`revision ${revision}`, horizon);
    return pin;
  }

  async revisionAt(instant: Instant): Promise<Revision> {
    return this.read("find the revision of an instant", async (pin) => {
      const { head, horizon } = this.#state;
      if (instant < horizon.instant) throw expired(new Date(instant).toISOString(), horizon);
      if (instant >= head.instant) return head.revision;
      const found = await first(pin, { gte: timeLogKey(0, 0), lt: timeLogKey(instant + 1, 0), reverse: true, snapshot: pin.snapshot });
      return Math.max(horizon.revision, found === undefined ? 0 : parseTimeLogKey(found[0]).revision);
    });
  }

  /** A page ends early where its commits are large, so that reading it is bounded. */
  async log(tenant: TenantId, after: Revision, limit: number): Promise<{ commits: Commit[]; through: Revision }> {
    return this.read("read the log", async (pin) => {
      const { head, horizon } = this.#state;
      if (after < horizon.revision) throw expired(`revision ${after}`, horizon);
      if (after > head.revision) throw ahead(after, head);
      const revisions = await revisionsAfter(pin, tenant, after, limit);
      const commits: Commit[] = [];
      for (let changes = 0; commits.length < revisions.length && changes < limits.groupOperationsMax; ) {
        const batch = await readCommits(pin, revisions.slice(commits.length, commits.length + limits.readBatchKeysMax));
        commits.push(...batch);
        changes += batch.reduce((sum, commit) => sum + commit.changes.length, 0);
      }
      const complete = commits.length === revisions.length && revisions.length < limit;
      return { commits, through: complete ? pin.revision : (commits.at(-1)?.revision ?? after) };
    });
  }

  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  backup(since?: Revision, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    if (since === undefined) return this.#backups.run(undefined, signal);
    const { head, horizon } = this.#state;
    if (since > head.revision) throw ahead(since, head);
    if (since < horizon.revision) throw expired(`revision ${since}`, horizon);
    return this.#backups.run(since, signal);
  }

  /**
   * A folder with what the store holds at one moment, for `CheckpointReader` in a thread. It is the caller's, to be removed; the next opening removes what is left.
   * @throws `closed`, `store_unavailable`
   */
  async checkpoint(): Promise<string> {
    if (this.#ended) throw this.#ended;
    const { folder } = this.#opened;
    const made = join(folder, checkpointName());
    try {
      await makeCheckpoint(levelFolder(folder), made, (task) => this.between(task));
      return made;
    } catch (error) {
      throw asStoreError(error, "make a checkpoint");
    }
  }

  get condition(): StoreCondition {
    const { clock } = this.#opened;
    clock.now();
    const { state } = this.#condition;
    return {
      state,
      writable: state === "ready" && clock.jumpMs === 0,
      readable: state !== "ended" && (this.#handle !== undefined || (state === "reviving" && !this.#revival.lost)),
      clockJumpMs: clock.jumpMs,
      writesQueued: this.#pipeline.queued,
      readsInFlight: this.#gate.running,
      readsWaiting: this.#gate.waiting,
      ...(this.#scrubbedAt === undefined ? {} : { scrubbedAt: this.#scrubbedAt }),
    };
  }

  onCondition(listener: () => void): () => void {
    return this.#condition.onChange(listener);
  }

  /** Moves the horizon and collects what lies behind it, and what is left of ended tenants, now rather than at the next interval. */
  async maintain(): Promise<void> {
    await this.#tenantPurge.run();
    await this.#imports.collect();
    await this.#maintenance.run();
  }

  between(task: (apply: Apply, pin: Pin, commit: CommitGroup) => Promise<void>): Promise<void> {
    return this.#pipeline.between((apply, commit) =>
      task(
        async (batch) => {
          await apply(batch);
          this.#handle?.advance(this.#state.head.revision);
        },
        this.#pin(),
        commit,
      ).catch((error: unknown) => {
        throw asStoreError(error, "maintain");
      }),
    );
  }

  /** What maintenance met, running by itself. */
  report(error: unknown): void {
    const code = error instanceof UsherError ? error.code : undefined;
    if (error instanceof UsherError && code === "store_corrupt") this.#end(error);
    // A disk that failed is seen by writers, and revived; a run that close has cut short is no failure.
    else if (code !== "store_unavailable" && code !== "closed") this.#opened.report(asError(error));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#maintenance.stop();
    this.#tenantPurge.stop();
    this.#imports.stop();
    await this.#scrubber.stop();
    await this.#backups.stop();
    const sound = (await this.#pipeline.close()) && this.#ended === undefined;
    this.#revival.stop();
    this.#ended ??= closedError();
    this.#condition.become("ended");
    await this.#gate.shut();
    try {
      if (sound && this.#handle) await this.#leaveMark(this.#handle.raw);
    } finally {
      this.#gate.close(this.#ended);
      await this.#handle?.close();
      this.#handle = undefined;
    }
  }

  /** The next opening begins at head. Where the disk fails here nothing is lost but its time: all was durable before. */
  async #leaveMark(raw: RawDatabase): Promise<void> {
    await this.#marking;
    try {
      if (this.#state.unverified > 0) await raw.batch([putMeta("mark", this.#state.head)], { sync: true });
      await writeMarker(this.#opened.folder, this.#marker());
    } catch {
      return;
    }
  }

  #marker(): Marker {
    const { format, head } = this.#state;
    return { format, ...this.identity, complete: true, revision: head.revision, hash: head.hash };
  }

  #pin(): Pin {
    if (this.#ended) throw this.#ended;
    if (this.#handle) return this.#handle.pin;
    throw new UsherError("store_unavailable", "the store could not be reopened after the disk failed: see to the disk; it is tried again");
  }

  /** Through the gate, of what is published then; what is committed meanwhile does not take it away. */
  async read<Result>(doing: string, task: (pin: Pin) => Promise<Result>): Promise<Result> {
    try {
      return await this.#gate.run(async () => {
        const pin = this.#pin().hold();
        return task(pin).finally(() => pin.release());
      });
    } catch (error) {
      throw asStoreError(error, doing);
    }
  }

  #publish(group: Group): void {
    const { schemas, counters } = this.#state;
    this.#handle?.advance(group.head.revision);
    for (const { tenant, shape, count } of group.counters.values()) setCounter(counters, tenant, shape, count);
    for (const [tenant, schema] of group.schemas) schemas.set(tenant, schema);
    if (group.mark) {
      this.#state.mark = group.mark;
      this.#state.unverified = 0;
    }
    for (const commit of group.commits) this.#announce(commit);
    this.#state.head = group.head;
    if (group.mark) this.witness();
  }

  /** Each listener sees the commit's own revision as head; what one throws is a bug of its own, and ends nothing here. */
  #announce(commit: Commit): void {
    this.#state.head = { ...this.#state.head, revision: commit.revision, instant: commit.instant };
    this.#state.unverified += 1 + commit.changes.length;
    for (const listener of this.#listeners) {
      try {
        listener(commit);
      } catch (error) {
        this.#opened.report(asError(error));
      }
    }
  }

  /** In the background: the witness may lag, and a disk that refuses it will refuse a batch soon enough. */
  witness(): void {
    if (this.#witnessed === this.#state.head.revision) return;
    this.#witnessed = this.#state.head.revision;
    const marker = this.#marker();
    this.#marking = this.#marking.then(() => writeMarker(this.#opened.folder, marker)).catch(() => undefined);
  }

  /** Nothing is read or written any more: fail closed, and say why. */
  #end(error: UsherError): void {
    this.#ended ??= error;
    this.#gate.close(this.#ended);
    this.#condition.become("ended");
  }

  /** What a revival has found takes the place of what failed; listeners hear of the commits that nobody knew to be durable. */
  #adopt(raw: RawDatabase, found: State, missed: readonly Commit[]): void {
    const { head } = this.#state;
    this.#handle = new Handle(raw, found.head.revision);
    this.#state = { ...found, head, unverified: found.unverified - missed.reduce((sum, { changes }) => sum + 1 + changes.length, 0) };
    for (const commit of missed) this.#announce(commit);
    this.#state.head = found.head;
  }
}

function ahead(revision: Revision, head: Head): UsherError {
  return new UsherError("zookie_ahead", `revision ${revision} is ahead of the store, whose newest is ${head.revision}: it is of a state that was lost, or of another store`);
}

function expired(what: string, horizon: Head): UsherError {
  return new UsherError("zookie_expired", `${what} is before the horizon, revision ${horizon.revision}: read something newer, or keep history for longer`);
}
