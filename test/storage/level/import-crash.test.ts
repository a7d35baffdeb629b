import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { openLevelStore } from "../../../src/storage/level/store.js";
import type { LevelStore } from "../../../src/storage/level/level-store.js";
import { inFolder } from "../../support/folder.js";
import { assertConsistent, logOf } from "./checks.js";
import { crashImport, crashImportCount } from "./import-crash-protocol.js";

const child = fileURLToPath(new URL("./import-crash-child.js", import.meta.url));

/** How often a process is killed in all. */
const kills = Number(process.env["TEST_IMPORT_KILLS"] ?? 6);
const killsPerFolder = 3;

/** Runs the child and kills it at a random moment; tells whether it had ended before. */
async function killOnce(folder: string, id: string, ms: number): Promise<boolean> {
  const running = spawn(process.execPath, [child, folder, id], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  const ended = new Promise<void>((resolve) => running.on("close", () => resolve()));
  await new Promise<void>((resolve) => {
    running.stdout.on("data", (text: Buffer) => {
      said += text.toString();
      resolve();
    });
    void ended.then(resolve);
  });
  await Promise.race([delay(ms, undefined, { ref: false }), ended]);
  running.kill("SIGKILL");
  await ended;
  return said.includes("done");
}

/** After what was being committed has been, each import stands as a whole or not at all. */
async function check(store: LevelStore, ids: readonly string[], done: ReadonlySet<string>): Promise<Set<string>> {
  const standing = new Set<string>();
  for (const id of ids) {
    const outcome = await store.importOutcome(1, crashImport.principal, id);
    if (outcome !== undefined) {
      standing.add(id);
      assert.deepEqual([outcome.tuples, outcome.changed], [crashImportCount, crashImportCount]);
    }
    assert(outcome !== undefined || !done.has(id), `import ${id} was acknowledged and is lost`);
  }
  const snapshot = store.snapshot();
  try {
    const counts = new Map<string, number>();
    for (const { object } of await assertConsistent(store, snapshot, 1)) counts.set(object.id.split("-")[0] ?? "", (counts.get(object.id.split("-")[0] ?? "") ?? 0) + 1);
    assert.deepEqual(counts, new Map([...standing].map((id) => [id, crashImportCount])));
  } finally {
    snapshot.release();
  }
  let revision = 0;
  for (const commit of await logOf(store, 1)) assert.equal(commit.revision, ++revision, "the log has no gap");
  return standing;
}

async function checkFolder(folder: string, ids: readonly string[], done: ReadonlySet<string>): Promise<Set<string>> {
  const store = await openLevelStore(folder, { maintenanceMs: Number.POSITIVE_INFINITY });
  try {
    return await check(store, ids, done);
  } finally {
    await store.close();
  }
}

describe("an import under kill -9", function () {
  this.timeout(600_000);

  it("is made as a whole or not at all, and goes on where it was being committed", async () => {
    let spanMs = 500;
    for (let left = kills; left > 0; left -= killsPerFolder) {
      await inFolder(async (folder) => {
        const ids: string[] = [];
        const done = new Set<string>();
        for (let killed = 0; killed < Math.min(left, killsPerFolder); killed++) {
          const id = `i${killed}`;
          ids.push(id);
          const start = performance.now();
          if (await killOnce(folder, id, Math.random() * spanMs)) done.add(id);
          // Kills are spread over as long as an import takes here.
          spanMs = done.has(id) ? performance.now() - start : spanMs * 1.3;
          // Every other time the next process finds what the kill has left, with nothing repaired between.
          if (killed % 2 === 0) continue;
          await checkFolder(folder, ids, done);
        }
        // An import that was not made is made when it is asked for again.
        for (const id of ids) assert(await killOnce(folder, id, 120_000), id);
        assert.equal((await checkFolder(folder, ids, new Set(ids))).size, ids.length);
      });
    }
  });
});
