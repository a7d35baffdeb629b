import assert from "node:assert/strict";
import * as fc from "fast-check";
import { Database } from "../../src/database/database.js";
import type { Call, Operation } from "../../src/model/service.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import { solve, keyOf, type Verdict } from "../evaluation/oracle.js";
import { describeWorld, meaning, now, objects, worlds, type World } from "../evaluation/world.js";
import { inFolder } from "../support/folder.js";

const runs = Number(process.env.TEST_FUZZ_RUNS ?? 60);
const call: Call = {};
/** A clock that stands still, so that what expires at a given instant has or has not. */
const time = { wallMs: () => now, monotonicMs: () => 0, uptimeMs: () => 0 };

/** One commit: some of the world's tuples are touched, some deleted. */
const commits = fc.array(fc.array(fc.tuple(fc.nat(100), fc.boolean()), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 });

async function verdicts(database: Database, world: World, zookie?: string): Promise<Map<string, Verdict>> {
  const items = objects.flatMap((object) =>
    [...(world.schema.definitions.get(object.type)?.members.keys() ?? [])].map((permission) => ({ object, permission, subject: world.subject, context: world.context })),
  );
  const { results } = await database.batchCheck({ items, ...(zookie === undefined ? {} : { consistency: { kind: "exact", zookie } }) }, call);
  return new Map(
    items.map(({ object, permission }, i): [string, Verdict] => {
      const result = results[i];
      assert.ok(result);
      if ("error" in result) {
        assert.equal(result.error.code, "cycle_through_exclusion");
        return [keyOf(object, permission), { value: "U" }];
      }
      const { allowed, missingFields } = result.decision;
      return [keyOf(object, permission), missingFields.length > 0 ? { value: "C", missing: [...missingFields] } : { value: allowed ? "T" : "F" }];
    }),
  );
}

describe("the database against the oracle", function () {
  this.timeout(600_000);

  it("answers as the oracle does after every commit, and at every earlier zookie", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, commits, async (world, plan) => {
        await inFolder(async (folder) => {
          const database = await Database.open(folder, { time });
          try {
            await database.writeSchema({ text: world.schema.text }, call);
            const standing = new Map<string, Tuple>();
            const seen: { zookie: string; expected: Map<string, Verdict> }[] = [];
            for (const picks of plan) {
              const operations = new Map<string, Operation>();
              for (const [pick, remove] of picks) {
                const tuple = world.tuples[pick % world.tuples.length];
                if (tuple === undefined) continue;
                const { object, relation, subject } = tuple;
                operations.set(tupleIdentity(tuple), remove ? { kind: "delete", tuple: { object, relation, subject } } : { kind: "touch", tuple });
              }
              const { zookie } = await database.writeTuples({ operations: [...operations.values()] }, call);
              for (const [identity, { kind, tuple }] of operations) {
                if (kind === "delete") standing.delete(identity);
                else standing.set(identity, tuple);
              }
              const expected = solve({ ...world, tuples: [...standing.values()], now, meaning }, objects);
              assert.deepEqual(await verdicts(database, world), expected, describeWorld(world));
              seen.push({ zookie, expected });
            }
            for (const { zookie, expected } of seen) assert.deepEqual(await verdicts(database, world, zookie), expected, `at ${zookie} ${describeWorld(world)}`);
          } finally {
            await database.close();
          }
        });
      }),
      { numRuns: runs },
    );
  });
});
