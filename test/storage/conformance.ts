import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import type { TimeSources } from "../../src/base/clock.js";
import { UsherError } from "../../src/base/errors.js";
import type { TupleFilter } from "../../src/model/filter.js";
import type { StoredTuple } from "../../src/model/tuple.js";
import type { Revision, TenantId } from "../../src/model/zookie.js";
import type { Commit, Snapshot, Store, TupleKey, Write } from "../../src/storage/store.js";
import { sharesRevision } from "../../src/storage/resolve-zookie.js";
import { withTwoTenants } from "./two-tenants.js";
import { epoch, filters, tenants, tupleKeys, writes } from "./arbitraries.js";
import { ModelStore, nameOf } from "./model-store.js";

/** A store whose horizon can be moved now. */
export type MaintainedStore = Store & { maintain(): Promise<void> };

export interface ConformanceOptions {
  readonly time: TimeSources;
  readonly horizonMs: number;
}

/** Opens what is in the folder, or something new; twice in a row it is the same store, on a timeline that has the same revisions. */
export type OpenStore = (folder: string, options: ConformanceOptions) => Promise<MaintainedStore>;

/** Time that stands until it is told otherwise: all three clocks agree. */
export class ManualTime implements TimeSources {
  ms = epoch;

  wallMs = () => this.ms;
  monotonicMs = () => this.ms;
  uptimeMs = () => this.ms;
}

const horizonMs = 3_000;

interface Held {
  readonly snapshot: Snapshot;
  readonly revision: Revision;
}

/** The store under test beside its model, with what a run holds open. */
interface Run {
  store: MaintainedStore;
  readonly folder: string;
  readonly time: ManualTime;
  readonly heard: Commit[];
  held: Held[];
}

type Command = fc.AsyncCommand<ModelStore, Run>;

/** Every store runs this: random commands, and every answer compared with the model's. */
export function storeConformance(name: string, open: OpenStore, runs = Number(process.env["TEST_CONFORMANCE_RUNS"] ?? 60)): void {
  describe(`${name} conforms to the store contract`, () => {
    it("answers random commands as the model does", async function () {
      this.timeout(4_000 * runs + 60_000);
      await fc.assert(
        fc.asyncProperty(fc.commands(commandsOf(open), { maxCommands: 60, size: "max" }), (commands) => runCommands(open, commands)),
        { numRuns: runs },
      );
    });
  });
}

async function runCommands(open: OpenStore, commands: Iterable<Command>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "usher-conformance-"));
  const time = new ManualTime();
  const real: Run = { store: await withTwoTenants(await open(folder, { time, horizonMs })), folder, time, heard: [], held: [] };
  listen(real);
  try {
    const model = new ModelStore(real.store.head, horizonMs);
    await fc.asyncModelRun(() => ({ model, real }), commands);
    await listEverything(model, real.store);
  } finally {
    await real.store.close();
    await rm(folder, { recursive: true });
  }
}

/** Every revision that is kept, in both orders: a row that was not written, not ended or not deleted shows, whatever the commands listed. */
async function listEverything(model: ModelStore, store: Store): Promise<void> {
  for (let revision = model.horizon.revision; revision <= model.head.revision; revision++) {
    const snapshot = store.snapshot(revision);
    for (const tenant of [1, 2]) {
      for (const filter of [{}, { subjectType: "user" }, { subjectType: "users" }]) await new ListCommand(tenant, 0, filter, 100).read(model, snapshot);
      await new ProbeCommand(tenant, 0, []).read(model, snapshot);
    }
    snapshot.release();
  }
}

function listen(real: Run): void {
  real.store.onCommit((commit) => {
    assert.equal(real.store.head.revision, commit.revision, "a listener sees the commit as head");
    real.heard.push(commit);
  });
}

function commandsOf(open: OpenStore): fc.Arbitrary<Command>[] {
  return [
    fc.array(writes, { minLength: 1, maxLength: 5 }).map((group) => new WriteCommand(group)),
    fc.array(writes, { minLength: 1, maxLength: 5 }).map((group) => new WriteCommand(group)),
    fc.tuple(tenants, fc.nat(), filters, fc.integer({ min: 1, max: 7 })).map((args) => new ListCommand(...args)),
    fc.tuple(tenants, fc.nat(), fc.array(tupleKeys, { maxLength: 40 })).map((args) => new ProbeCommand(...args)),
    fc.nat().map((at) => new HoldCommand(at)),
    fc.tuple(tenants, fc.nat(), fc.integer({ min: 1, max: 5 })).map((args) => new LogCommand(...args)),
    fc.integer({ min: 0, max: 2_000 }).map((ms) => new AdvanceCommand(ms)),
    fc.integer({ min: -5_000, max: 5_000 }).map((ms) => new RevisionAtCommand(ms)),
    fc.constant(new MaintainCommand()),
    fc.constant(new ReopenCommand(open)),
  ];
}

/** Writes at once: as if each had been committed before the next came. */
class WriteCommand implements Command {
  constructor(readonly group: readonly Write[]) {}

  check = () => true;

  async run(model: ModelStore, real: Run): Promise<void> {
    const now = real.time.ms;
    const before = model.commits.length;
    const answers = await Promise.all(this.group.map((write) => real.store.commit(write).then((outcome) => ({ outcome }), codeOf)));
    assert.deepEqual(answers, this.group.map((write) => model.write(write, now)));
    assert.deepEqual(real.store.head, model.head);
    assert.deepEqual(real.heard.splice(0), model.commits.slice(before));
  }

  toString = () => `write ${JSON.stringify(this.group)}`;
}

/** Reads a held snapshot, or one of any revision. */
abstract class ReadCommand implements Command {
  constructor(readonly tenant: TenantId, readonly at: number) {}

  check = () => true;

  async run(model: ModelStore, real: Run): Promise<void> {
    const held = real.held[this.at % (real.held.length + 1)];
    if (held) return this.read(model, held.snapshot);
    const revision = this.at % (model.head.revision + 2);
    if (revision > model.head.revision) return refused(() => real.store.snapshot(revision), "zookie_ahead");
    if (revision < model.horizon.revision) return refused(() => real.store.snapshot(revision), "zookie_expired");
    const snapshot = real.store.snapshot(revision);
    try {
      assert.equal(snapshot.revision, revision);
      const instant = revision === 0 ? snapshot.instant : model.commits[revision - 1]?.instant;
      assert.equal(snapshot.instant, instant);
      await this.read(model, snapshot);
    } finally {
      snapshot.release();
    }
  }

  abstract read(model: ModelStore, snapshot: Snapshot): Promise<void>;
}

class ListCommand extends ReadCommand {
  constructor(tenant: TenantId, at: number, readonly filter: TupleFilter, readonly limit: number) {
    super(tenant, at);
  }

  async read(model: ModelStore, snapshot: Snapshot): Promise<void> {
    const found: StoredTuple[] = [];
    let after: TupleKey | undefined;
    do {
      const page = await snapshot.list(this.tenant, { filter: this.filter, limit: this.limit, ...(after === undefined ? {} : { after }) });
      assert(page.tuples.length <= this.limit);
      found.push(...page.tuples);
      after = page.next;
    } while (after !== undefined);
    assert.deepEqual(found, model.list(this.tenant, snapshot.revision, this.filter));
    assert.deepEqual(await snapshot.schema(this.tenant), model.schemaAt(this.tenant, snapshot.revision));
  }

  override toString = () => `list ${this.tenant} at ${this.at} ${JSON.stringify(this.filter)} by ${this.limit}`;
}

class ProbeCommand extends ReadCommand {
  constructor(tenant: TenantId, at: number, readonly keys: readonly TupleKey[]) {
    super(tenant, at);
  }

  async read(model: ModelStore, snapshot: Snapshot): Promise<void> {
    const tuples = model.tuplesAt(this.tenant, snapshot.revision);
    const keys = [...this.keys, ...tuples.values()];
    assert.deepEqual(await snapshot.probe(this.tenant, keys), keys.map((key) => tuples.get(nameOf(key))));
  }

  override toString = () => `probe ${this.tenant} at ${this.at} ${JSON.stringify(this.keys)}`;
}

/** Holds one more snapshot, of any age, or releases one. */
class HoldCommand implements Command {
  constructor(readonly at: number) {}

  check = () => true;

  async run(model: ModelStore, real: Run): Promise<void> {
    if (this.at % 3 === 0) return real.held.shift()?.snapshot.release();
    const { revision } = this.at % 2 === 0 ? model.head : { revision: Math.max(model.horizon.revision, this.at % (model.head.revision + 1)) };
    real.held.push({ snapshot: real.store.snapshot(revision), revision });
  }

  toString = () => `hold ${this.at}`;
}

class LogCommand implements Command {
  constructor(readonly tenant: TenantId, readonly at: number, readonly limit: number) {}

  check = () => true;

  async run(model: ModelStore, real: Run): Promise<void> {
    const after = this.at % (model.head.revision + 1);
    if (after < model.horizon.revision) return refused(() => real.store.log(this.tenant, after, this.limit), "zookie_expired");
    const found: Commit[] = [];
    for (let through = after; through < model.head.revision; ) {
      const page = await real.store.log(this.tenant, through, this.limit);
      assert(page.commits.length <= this.limit && page.through > through);
      found.push(...page.commits);
      through = page.through;
    }
    assert.deepEqual(found, model.commits.filter(({ tenant, revision }) => tenant === this.tenant && revision > after));
  }

  toString = () => `log ${this.tenant} after ${this.at} by ${this.limit}`;
}

class AdvanceCommand implements Command {
  constructor(readonly ms: number) {}

  check = () => true;

  async run(_model: ModelStore, real: Run): Promise<void> {
    real.time.ms += this.ms;
    assert.equal(real.store.clock.now(), real.time.ms);
  }

  toString = () => `advance ${this.ms} ms`;
}

class RevisionAtCommand implements Command {
  constructor(readonly ms: number) {}

  check = () => true;

  async run(model: ModelStore, real: Run): Promise<void> {
    const instant = real.time.ms + this.ms;
    if (instant < model.horizon.instant) return refused(() => real.store.revisionAt(instant), "zookie_expired");
    assert.equal(await real.store.revisionAt(instant), model.revisionAt(instant));
  }

  toString = () => `revision at ${this.ms} ms`;
}

class MaintainCommand implements Command {
  check = () => true;

  async run(model: ModelStore, real: Run): Promise<void> {
    await real.store.maintain();
    model.maintain(real.time.ms);
    assert.deepEqual(real.store.horizon, model.horizon);
  }

  toString = () => "maintain";
}

class ReopenCommand implements Command {
  constructor(readonly open: OpenStore) {}

  check = () => true;

  async run(model: ModelStore, real: Run): Promise<void> {
    const { identity } = real.store;
    for (const { snapshot } of real.held) snapshot.release();
    real.held = [];
    await real.store.close();
    real.store = await this.open(real.folder, { time: real.time, horizonMs });
    listen(real);
    assert.equal(real.store.identity.store, identity.store);
    assert(sharesRevision({ timeline: real.store.identity.timeline, ancestors: real.store.ancestors }, identity.timeline, model.head.revision));
    assert.deepEqual([real.store.head, real.store.horizon], [model.head, model.horizon]);
  }

  toString = () => "reopen";
}

async function refused(action: () => unknown, code: string): Promise<void> {
  await assert.rejects(
    async () => action(),
    (error) => error instanceof UsherError && error.code === code,
  );
}

function codeOf(error: unknown): { code: string } {
  if (error instanceof UsherError) return { code: error.code };
  throw error;
}
