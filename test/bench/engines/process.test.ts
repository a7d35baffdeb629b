import assert from "node:assert/strict";

import { EngineProcess, type EngineOptions } from "../../../bench/engines/process.js";
import { verdict } from "../../../bench/worlds/fill.js";
import { worldKind } from "../../../bench/worlds/catalogue.js";
import { inFolder } from "../../support/folder.js";

const options = { tuples: 500, questions: 10, seed: 7 };

function running(world: string, body: (process: EngineProcess, settings: EngineOptions) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const settings = { kind: "usher", folder, world, options } as const;
    const process = await EngineProcess.start(settings);
    try {
      await body(process, settings);
    } finally {
      await process.close();
    }
  });
}

describe("an engine in a process of its own", () => {
  it("answers a world's questions, cold and warm, and finds what its lookups must", () =>
    running("exclusion", async (process) => {
      const world = worldKind("exclusion").make(options);
      assert.equal(await process.fill(), [...world.tuples()].length);
      await process.reopen();
      const { answers, latenciesMs } = await process.askAll();
      assert.deepEqual(answers, world.checks.map(({ allowed }) => verdict(allowed)));
      assert.equal(latenciesMs.length, answers.length);
      assert.deepEqual((await process.askAll(false)).answers, new Array(options.questions).fill("denied"));
      assert.deepEqual(await process.lookUp(), world.lookups.map(({ count }) => count));
      for (const what of ["allowed", "denied", "batches", "lookup 0", "schema"] as const) assert.ok((await process.turn(what, 5)).perSecond > 0, what);
      await assert.rejects(process.turn("pairs", 5), /world `exclusion` has no stream `pairs`/);
    }));

  it("goes through a world's streams", () =>
    running("documents", async (process) => {
      await process.fill();
      await process.warm();
      for (const what of ["pairs", "batches of pairs"] as const) assert.ok((await process.turn(what, 5, 3)).perSecond > 0, what);
      const { residentBytes, ownBytes, heapBytes } = await process.memory();
      assert.ok(residentBytes > 0 && ownBytes > 0 && heapBytes > 0);
    }));

  it("is killed amid writes, and opens again with all its answers", () =>
    running("growth", async (process, settings) => {
      await process.fill();
      await process.keepWriting();
      await process.kill();
      await assert.rejects(process.askAll(), /the process has ended/);
      const again = await EngineProcess.start(settings);
      const { answers } = await again.askAll();
      await again.close();
      assert.deepEqual(answers, worldKind("growth").make(options).checks.map(({ allowed }) => verdict(allowed)));
    }));
});
