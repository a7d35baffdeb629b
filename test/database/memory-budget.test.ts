import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { memoryBudgetBytesDefault, memoryBudgetBytesMax } from "../../src/base/memory-budget.js";
import { Database } from "../../src/database/database.js";
import { open, touch } from "../../src/index.js";

describe("the memory budget of a database", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-budget-"));
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  it("bounds the cache: the one that was given, or the default", async () => {
    for (const [options, expected] of [[{ memoryBudgetBytes: limits.memoryBudgetBytesMin }, limits.memoryBudgetBytesMin], [{}, memoryBudgetBytesDefault()]] as const) {
      const database = await Database.open(folder, options);
      assert.equal(database.status().cache.bytesMax, expected);
      await database.close();
    }
  });

  it("is refused out of its bounds before anything is opened", async () => {
    for (const memoryBudgetBytes of [limits.memoryBudgetBytesMin - 1, memoryBudgetBytesMax() + 1, Number.NaN]) {
      const data = join(folder, "data");
      await assert.rejects(open(data, { memoryBudgetBytes }), (error: UsherError) => error.code === "invalid_configuration" && error.details["keys"] === "memoryBudgetBytes");
      assert.ok(!existsSync(data));
    }
  });

  it("changes no answer, however small", async () => {
    const usher = await open(folder, { memoryBudgetBytes: limits.memoryBudgetBytesMin });
    await usher.writeSchema("definition user {}\ndefinition doc { relation viewer: user }");
    await usher.write(Array.from({ length: 200 }, (_, i) => touch(`doc:${i}#viewer@user:${i}`)));
    for (let i = 0; i < 200; i++) assert.deepEqual([await usher.can(`doc:${i}`, "viewer", `user:${i}`), await usher.can(`doc:${i}`, "viewer", `user:${i + 1}`)], [true, false]);
    await usher.close();
  });
});
