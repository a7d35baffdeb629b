import assert from "node:assert/strict";

import * as fc from "fast-check";

import { openClassicLevel, type OpenRaw } from "../../src/storage/level/raw.js";
import { openLevelStore } from "../../src/storage/level/store.js";
import { UsherError } from "../../src/base/errors.js";
import { Database } from "../../src/database/database.js";
import type { Tuple } from "../../src/model/tuple.js";
import { inFolder } from "../support/folder.js";
import { Clients, programs, revisionOf } from "./clients.js";
import { objects, schemaTexts, tuples, users } from "./history.js";
import { openInMemory, scheduled } from "./raw.js";
import { CountingStore, LaggingStore } from "./store.js";

const runs = Number(process.env["TEST_FUZZ_RUNS"] ?? 100);

/** Runs the body with a store each of whose operations completes when the scheduler says so. */
async function withStore(scheduler: fc.Scheduler, openRaw: OpenRaw, body: (store: CountingStore) => Promise<void>): Promise<void> {
  await inFolder((folder) =>
    scheduler.waitFor(
      (async () => {
        const store = await openLevelStore(folder, { openRaw: scheduled(openRaw, scheduler), maintenanceMs: Number.POSITIVE_INFINITY });
        try {
          await body(new CountingStore(store));
        } finally {
          await store.close();
        }
      })(),
    ),
  );
}

describe("interleavings", function () {
  this.timeout(600_000);

  for (const [name, openRaw, share] of [["in memory", openInMemory, 1], ["on LevelDB", () => openClassicLevel, 0.1]] as const) {
    it(`${name}: every answer is the oracle's at its zookie, nothing acknowledged goes unseen, and watchers miss nothing`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), programs, (scheduler, program) =>
          withStore(scheduler, openRaw(), (store) => new Clients(store, scheduler).run(program)),
        ),
        { numRuns: Math.ceil(runs * share) },
      );
    });
  }

  for (const [name, budget] of [["next to nothing", fc.constant(1)], ["a little", fc.integer({ min: 500, max: 20_000 })]] as const) {
    it(`where memory holds ${name}: the same, though what was read is forgotten again and again`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), programs, budget, (scheduler, program, memoryBudgetBytes) =>
          withStore(scheduler, openInMemory(), (store) => new Clients(store, scheduler, { memoryBudgetBytes }).run(program)),
        ),
        { numRuns: Math.ceil(runs / 2) },
      );
    });
  }
});

const [document] = objects;
const [ana, ben] = users;
assert.ok(document && ana && ben);
const grant: Tuple = { object: document, relation: "reader", subject: ana };

describe("the new enemy", function () {
  this.timeout(600_000);

  it("never reads with a grant that was revoked before the content changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(fc.nat(tuples.length - 1), { maxLength: 8 }), (scheduler, noise) =>
        withStore(scheduler, openInMemory(), async (store) => {
          const database = new Database(store);
          const question = { object: document, permission: "read", subject: ana };
          await database.writeSchema({ text: schemaTexts[0] ?? "" }, {});
          await database.writeTuples({ operations: [{ kind: "touch", tuple: grant }] }, {});
          // Others write and check meanwhile, so that caches and snapshots of the old state are about.
          const others = noise.map(async (pick) => {
            await scheduler.schedule(Promise.resolve(), "another comes");
            const tuple = { ...(tuples[pick] as Tuple), object: { type: "doc", id: "b" }, relation: "reader" };
            await database.writeTuples({ operations: [{ kind: "touch", tuple }] }, {});
            await database.check(question, {});
          });
          const revoked = await database.writeTuples({ operations: [{ kind: "delete", tuple: grant }] }, {});
          // The content's writer checks, and keeps the zookie with the new content.
          const content = await database.check({ object: document, permission: "read", subject: ben }, {});
          assert.ok(revisionOf(content.zookie) >= revisionOf(revoked.zookie));
          for (const kind of ["atLeast", "exact"] as const) {
            const decision = await database.check({ ...question, consistency: { kind, zookie: content.zookie } }, {});
            assert.equal(decision.allowed, false, `the old grant is seen, ${kind} the content's zookie`);
          }
          await Promise.all(others);
          assert.equal(store.held, 0);
        }),
      ),
      { numRuns: runs },
    );
  });

  it("reads where the head lags and zookies are ignored, and is refused where they are not", async () => {
    await inFolder(async (folder) => {
      const lagging = new LaggingStore(await openLevelStore(folder));
      const database = new Database(lagging);
      try {
        await database.writeSchema({ text: schemaTexts[0] ?? "" }, {});
        await database.writeTuples({ operations: [{ kind: "touch", tuple: grant }] }, {});
        lagging.lag = 1;
        const { zookie } = await database.writeTuples({ operations: [{ kind: "delete", tuple: grant }] }, {});
        const ask = (consistency?: { kind: "atLeast" | "exact"; zookie: string }) =>
          database.check({ object: document, permission: "read", subject: ana, ...(consistency && { consistency }) }, {});
        assert.equal((await ask()).allowed, true, "without a zookie the old grant is seen: this store does lag");
        for (const kind of ["atLeast", "exact"] as const) {
          await assert.rejects(ask({ kind, zookie }), (error) => error instanceof UsherError && error.code === "zookie_ahead");
        }
        lagging.lag = 0;
        for (const kind of ["atLeast", "exact"] as const) assert.equal((await ask({ kind, zookie })).allowed, false);
      } finally {
        await database.close();
      }
    });
  });
});
