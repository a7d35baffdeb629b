import type { Instant } from "../../src/base/clock.js";
import type { Quotas } from "../../src/model/tenant.js";
import type { Revision } from "../../src/model/zookie.js";
import type { Commit, Head, ImportOptions, Snapshot, Store, Write } from "../../src/storage/store.js";

/** A store that passes everything on. */
class Passing implements Store {
  constructor(protected readonly store: Store) {}

  get identity() {
    return this.store.identity;
  }
  get ancestors() {
    return this.store.ancestors;
  }
  get clock() {
    return this.store.clock;
  }
  get head(): Head {
    return this.store.head;
  }
  get horizon() {
    return this.store.horizon;
  }
  get condition() {
    return this.store.condition;
  }
  onCondition = (listener: () => void) => this.store.onCondition(listener);
  tenant = (name: string) => this.store.tenant(name);
  hasTenant = (tenant: number) => this.store.hasTenant(tenant);
  quotasOf = (name: string) => this.store.quotasOf(name);
  listTenants = () => this.store.listTenants();
  createTenant = (name: string, quotas: Quotas) => this.store.createTenant(name, quotas);
  setTenantQuotas = (name: string, quotas: Quotas) => this.store.setTenantQuotas(name, quotas);
  deleteTenant = (name: string) => this.store.deleteTenant(name);
  commit = (write: Write) => this.store.commit(write);
  beginImport = (options: ImportOptions) => this.store.beginImport(options);
  importOutcome = (tenant: number, principal: string, id: string, signal?: AbortSignal) => this.store.importOutcome(tenant, principal, id, signal);
  revisionAt = (instant: Instant) => this.store.revisionAt(instant);
  log = (tenant: number, after: Revision, limit: number) => this.store.log(tenant, after, limit);
  onCommit = (listener: (commit: Commit) => void) => this.store.onCommit(listener);
  backup = (since?: Revision, signal?: AbortSignal) => this.store.backup(since, signal);
  close = () => this.store.close();

  snapshot(revision?: Revision): Snapshot {
    return this.store.snapshot(revision);
  }
}

/** Counts the snapshots that are held. */
export class CountingStore extends Passing {
  held = 0;

  override snapshot(revision?: Revision): Snapshot {
    const snapshot = super.snapshot(revision);
    this.held++;
    let released = false;
    return {
      revision: snapshot.revision,
      instant: snapshot.instant,
      probe: (...args) => snapshot.probe(...args),
      list: (...args) => snapshot.list(...args),
      schema: (tenant) => snapshot.schema(tenant),
      release: () => {
        if (!released) this.held--;
        released = true;
        snapshot.release();
      },
    };
  }
}

/** A store whose published head lags behind what was committed, as a replica's would: it tells of a commit when its head has come to it. */
export class LaggingStore extends Passing {
  #lag = 0;
  readonly #listeners = new Set<(commit: Commit) => void>();
  readonly #untold: Commit[] = [];

  constructor(store: Store) {
    super(store);
    store.onCommit((commit) => {
      this.#untold.push(commit);
      this.#tell();
    });
  }

  set lag(revisions: number) {
    this.#lag = revisions;
    this.#tell();
  }

  override get head(): Head {
    const { revision, instant } = this.store.head;
    return { revision: revision - this.#lag, instant };
  }

  override onCommit = (listener: (commit: Commit) => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  override snapshot(revision: Revision = this.head.revision): Snapshot {
    return super.snapshot(revision);
  }

  #tell(): void {
    while (this.#untold[0] !== undefined && this.#untold[0].revision <= this.head.revision) {
      const [commit] = this.#untold.splice(0, 1);
      if (commit !== undefined) for (const listener of this.#listeners) listener(commit);
    }
  }
}
