import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { UsherError } from "../../../src/base/errors.js";
import type { LevelStore } from "../../../src/storage/level/level-store.js";
import { openClassicLevel } from "../../../src/storage/level/raw.js";
import { openLevelStore } from "../../../src/storage/level/store.js";
import type { Commit, Write } from "../../../src/storage/store.js";
import { writes } from "../arbitraries.js";
import { ManualTime } from "../conformance.js";
import { type Call, Faults, type Verdict } from "../faults.js";
import { type ModelAnswer, ModelStore } from "../model-store.js";
import { assertHolds, logOf, touchWrite } from "./checks.js";
import { withTwoTenants } from "../two-tenants.js";

/** What the raw database does to one call after the store was opened. */
interface Plan {
  readonly call: Call;
  readonly nth: number;
  readonly verdict: Verdict;
  readonly reason: "EIO" | "ENOSPC";
}

const plans: fc.Arbitrary<Plan> = fc.record({
  call: fc.constantFrom("batch", "batch", "getMany", "next", "open", "close"),
  nth: fc.nat({ max: 8 }),
  verdict: fc.constantFrom("before", "after"),
  reason: fc.constantFrom("EIO", "ENOSPC"),
});

describe("the LevelDB store on a failing disk", () => {
  let folder: string;
  let faults: Faults;
  let time: ManualTime;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-faults-"));
    faults = new Faults();
    time = new ManualTime();
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = () =>
    openLevelStore(folder, { time, horizonMs: Number.POSITIVE_INFINITY, maintenanceMs: Number.POSITIVE_INFINITY, openRaw: faults.wrap(openClassicLevel) });

  /** The `nth` call of a kind from now on fails, and no other. */
  function fail({ call, nth, verdict, reason }: Plan): void {
    let seen = 0;
    faults.reason = reason;
    faults.decide = (made) => (made === call && seen++ === nth ? verdict : "pass");
  }

  /** Each write by itself; those whose outcome is unknown are found again by reading, as a client would. */
  async function follow(store: LevelStore, model: ModelStore, write: Write): Promise<void> {
    const before = model.head.revision;
    const answer = await store.commit(write).then((outcome): ModelAnswer => ({ outcome }), codeOf);
    if ("code" in answer && answer.code === "store_unavailable") return;
    const unknown = "code" in answer && answer.code === "outcome_unknown";
    if (unknown) {
      await store.commit(touchWrite([])).catch(codeOf);
      if (store.head.revision === before) return;
    }
    const expected = model.write(write, time.ms);
    if (!unknown) assert.deepEqual(answer, expected);
  }

  it("loses nothing acknowledged and invents nothing, whichever call fails", async function () {
    this.timeout(240_000);
    const property = fc.asyncProperty(fc.array(writes, { minLength: 3, maxLength: 12 }), fc.array(plans, { minLength: 1, maxLength: 4 }), async (sequence, failing) => {
      faults.decide = () => "pass";
      const store = await withTwoTenants(await open());
      const heard: Commit[] = [];
      store.onCommit((commit) => heard.push(commit));
      const model = new ModelStore(store.head, Number.POSITIVE_INFINITY);
      try {
        for (const [i, { requestId: _, ...write }] of sequence.entries()) {
          const plan = failing[Math.floor((i * failing.length) / sequence.length)];
          if (plan) fail(plan);
          await follow(store, model, write);
        }
        faults.decide = () => "pass";
        await follow(store, model, touchWrite([]));
        await assertHolds(store, model);
        assert.deepEqual(heard, model.commits, "listeners heard each commit once, in order");
      } finally {
        await store.close();
      }
      const again = await open();
      await assertHolds(again, model);
      await again.close();
      await rm(folder, { recursive: true });
    });
    await fc.assert(property, { numRuns: 80 });
  });

  for (const verdict of ["before", "after"] as const) {
    it(`keeps what is at the horizon and above, whichever call of maintenance fails ${verdict} it took effect`, async () => {
      const horizonMs = 1_000;
      const openShort = () => openLevelStore(folder, { time, horizonMs, maintenanceMs: Number.POSITIVE_INFINITY, openRaw: faults.wrap(openClassicLevel) });
      let store = await withTwoTenants(await openShort());
      const model = new ModelStore(store.head, horizonMs);
      for (const { requestId: _, ...write } of fc.sample(writes, { numRuns: 120, seed: 3 })) {
        time.ms += 10;
        assert.deepEqual(await store.commit(write).then((outcome): ModelAnswer => ({ outcome }), codeOf), model.write(write, time.ms));
      }
      await store.close();
      const written = join(folder, "written");
      for (const name of ["STORE", "level"]) cpSync(join(folder, name), join(written, name), { recursive: true });
      for (let nth = 0, failed = true; failed; nth++) {
        for (const name of ["STORE", "level"]) rmSync(join(folder, name), { recursive: true });
        cpSync(written, folder, { recursive: true });
        store = await openShort();
        let calls = 0;
        faults.decide = () => (calls++ === nth ? verdict : "pass");
        failed = await store.maintain().then(() => false, () => true);
        faults.decide = () => "pass";
        assert.equal((await store.commit(touchWrite([]))).changed, 0, "where a batch failed, this revives the store");
        await assertHistory(store, model);
        await store.close();
        store = await openShort();
        await assertHistory(store, model);
        await store.maintain();
        await assertHistory(store, model);
        await store.close();
      }
    }).timeout(240_000);

    it(`ends the handle at the first rejected batch, which failed ${verdict} it was applied, and serves reads meanwhile`, async () => {
      const store = await open();
      await store.commit(touchWrite(["user:ana"]));
      let full = true;
      faults.reason = "ENOSPC";
      const batches: string[] = [];
      faults.decide = (call) => {
        if (call === "batch" || call === "open") batches.push(call);
        return call === "batch" && full ? verdict : call === "open" && full ? "before" : "pass";
      };
      const answers = await Promise.all([touchWrite(["user:ben"]), touchWrite(["user:cleo"])].map((write) => store.commit(write).then(() => "done", codeOf)));
      assert.deepEqual(answers, [{ code: "outcome_unknown" }, { code: "outcome_unknown" }]);
      assert.deepEqual(await listed(store), ["ana"], "the published head is read on");
      assert.deepEqual(await store.commit(touchWrite(["user:dan"])).catch(codeOf), { code: "store_unavailable" });
      assert(!batches.slice(1).includes("batch"), "no batch was sent to a handle that had failed");
      full = false;
      await store.commit(touchWrite(["user:eve"]));
      assert.deepEqual(await listed(store), verdict === "after" ? ["ana", "ben", "cleo", "eve"] : ["ana", "eve"]);
      await store.close();
    });
  }

  it("does not answer from a staged write that never became durable", async () => {
    const store = await open();
    const create = { ...touchWrite([]), operations: touchWrite(["user:ana"]).operations.map(({ tuple }) => ({ kind: "create" as const, tuple })) };
    const must = { kind: "mustMatch" as const, filter: { objectType: "nothing" } };
    fail({ call: "batch", nth: 0, verdict: "before", reason: "EIO" });
    const answers = await Promise.all(
      [touchWrite([], { preconditions: [must] }), create, create, touchWrite(["user:ana"]), touchWrite(["user:ben"], { validateOnly: true })].map((write) => store.commit(write).catch(codeOf)),
    );
    const unknown = { code: "outcome_unknown" };
    assert.deepEqual(answers, [{ code: "precondition_failed" }, unknown, unknown, unknown, unknown], "the first rests on what is published alone");
    assert.equal((await store.commit(create)).changed, 1);
    await store.close();
  });

  it("refuses what was queued behind a batch that failed: nothing of it was sent", async () => {
    const store = await open();
    fail({ call: "batch", nth: 0, verdict: "before", reason: "EIO" });
    const first = store.commit(touchWrite(["user:ana"])).catch(codeOf);
    await new Promise((resolve) => setImmediate(resolve));
    const behind = store.commit(touchWrite(["user:ben"])).catch(codeOf);
    assert.deepEqual(await first, { code: "outcome_unknown" });
    const answer = await behind;
    assert("code" in answer ? answer.code === "store_unavailable" : answer.revision === 1);
    await store.close();
  });

  it("keeps snapshots that are held while the handle is replaced", async () => {
    const store = await open();
    await store.commit(touchWrite(["user:ana"]));
    const held = store.snapshot();
    fail({ call: "batch", nth: 0, verdict: "after", reason: "EIO" });
    await assert.rejects(store.commit(touchWrite(["user:ben"])));
    await store.commit(touchWrite(["user:cleo"]));
    assert.deepEqual((await held.list(1, { filter: {}, limit: 10 })).tuples.map(({ subject }) => subject.id), ["ana"]);
    held.release();
    await store.close();
  });

  it("revives by itself when nobody writes", async () => {
    const store = await open();
    fail({ call: "batch", nth: 0, verdict: "after", reason: "EIO" });
    await assert.rejects(store.commit(touchWrite(["user:ana"])));
    const revived = await new Promise<Commit>((resolve) => store.onCommit(resolve));
    assert.equal(revived.revision, 1);
    assert.deepEqual(await listed(store), ["ana"]);
    await store.close();
  });

  it("fails a read that the disk fails, and not the next", async () => {
    const store = await open();
    await store.commit(touchWrite(["user:ana"]));
    fail({ call: "next", nth: 0, verdict: "before", reason: "EIO" });
    await assert.rejects(listed(store), (error) => error instanceof UsherError && error.code === "store_unavailable");
    assert.deepEqual(await listed(store), ["ana"]);
    await store.close();
  });
});

/** Every revision that can still be read is as it was. */
async function assertHistory(store: LevelStore, model: ModelStore): Promise<void> {
  for (let { revision } = store.horizon; revision <= model.head.revision; revision += 9) {
    const snapshot = store.snapshot(revision);
    try {
      for (const filter of [{}, { subjectType: "user" }]) {
        const { tuples } = await snapshot.list(1, { filter, limit: 1_000 });
        assert.deepEqual(tuples, model.list(1, revision, filter));
      }
      assert.deepEqual(await snapshot.schema(1), model.schemaAt(1, revision));
    } finally {
      snapshot.release();
    }
  }
  assert.deepEqual(await logOf(store, 1), model.commits.filter(({ tenant, revision }) => tenant === 1 && revision > store.horizon.revision));
}

async function listed(store: LevelStore): Promise<string[]> {
  const snapshot = store.snapshot();
  try {
    return (await snapshot.list(1, { filter: {}, limit: 100 })).tuples.map(({ subject }) => subject.id);
  } finally {
    snapshot.release();
  }
}

function codeOf(error: unknown): { code: UsherError["code"] } {
  if (error instanceof UsherError) return { code: error.code };
  throw error;
}
