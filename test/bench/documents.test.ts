import assert from "node:assert/strict";

import { documentSystem } from "../../bench/data/documents.js";
import { fill } from "../../bench/data/fill.js";
import { withFolder } from "../../bench/folder.js";
import { Database } from "../../src/database/database.js";

const options = { documents: 200, questions: 100, seed: 7 };

describe("the document system of the benchmarks", () => {
  it("is the same for the same seed, and another for another", () => {
    assert.deepEqual(documentSystem(options), documentSystem(options));
    assert.notDeepEqual(documentSystem(options).allowed, documentSystem({ ...options, seed: 8 }).allowed);
  });

  it("asks questions whose answers are as it says", () =>
    withFolder(async (folder) => {
      const database = await Database.open(folder);
      await fill(database, documentSystem(options)).finally(() => database.close());
    }));

  it("refuses an answer that is not as it says", () =>
    withFolder(async (folder) => {
      const database = await Database.open(folder);
      const system = documentSystem(options);
      try {
        await assert.rejects(fill(database, { ...system, denied: system.allowed }), /is wrong: it must be denied/);
      } finally {
        await database.close();
      }
    }));
});
