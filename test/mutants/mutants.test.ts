import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { mutate, type Mutant } from "./mutant.js";
import { mutants, representatives } from "./table.js";
import { compiled, Workbench } from "./workbench.js";

const suites = ["test/model/schema/shape.test.js"];
const file = "src/model/schema/shape.js";

describe("seeded mutants", function () {
  this.timeout(300_000);
  let bench: Workbench;
  before(async () => void (bench = await Workbench.open()));
  after(() => bench.close());

  it("each apply to the code as it is, under a name of their own", async () => {
    assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
    for (const mutant of mutants) {
      mutate(await readFile(join(compiled, mutant.file), "utf8"), mutant);
      for (const suite of mutant.suites) assert.ok(existsSync(join(compiled, suite)), suite);
    }
  });

  for (const name of representatives) {
    it(`are caught by the suites: ${name}`, async () => {
      const mutant = mutants.find((one) => one.name === name);
      assert.ok(mutant, "a representative is in the table");
      assert.equal((await bench.baseline(mutant.suites)).failed, undefined, "the suites pass without it");
      assert.notEqual((await bench.run(mutant)).failed, undefined, "the suites pass with it");
    });
  }

  describe("the workbench itself", () => {
    const harmless: Mutant = { name: "harmless", file, find: "export function admits(", replace: "export /* harmless */ function admits(", suites };

    it("tells a mutant that survives", async () => {
      const { passes, failed } = await bench.run(harmless);
      assert.ok(passes > 0);
      assert.equal(failed, undefined);
    });

    it("leaves the copy as it was, and what it was copied from untouched", async () => {
      const before = await readFile(join(compiled, file), "utf8");
      await bench.run({ ...harmless, replace: "export function admits() { return true; }\nfunction was(" });
      assert.equal(await readFile(join(compiled, file), "utf8"), before);
      assert.equal((await bench.baseline(suites)).failed, undefined);
    });

    it("refuses one whose place is not found, or found twice, or that changes nothing", () => {
      assert.throws(() => mutate("a b a", { ...harmless, find: "c" }), /is not in/);
      assert.throws(() => mutate("a b a", { ...harmless, find: "a" }), /stands 2 times/);
      assert.throws(() => mutate("a b a", { ...harmless, find: "b", replace: "b" }), /changes nothing/);
    });

    it("does not take code that cannot be loaded for a caught mutant", async () => {
      await assert.rejects(bench.run({ ...harmless, replace: "export function (" }), /could not be run to the end/);
    });
  });
});
