import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { leafHash } from "../../src/audit/tree/merkle.js";
import { inFolder } from "../support/folder.js";
import { allRecords, entryOf, openLog } from "./logs.js";

const child = fileURLToPath(new URL("./crash-child.js", import.meta.url));
const kills = Math.ceil(Number(process.env["TEST_KILLS"] ?? 200) / 10);

/** Runs the child and kills it at a random moment; returns which grants it was told are on the disk. */
async function killOnce(folder: string, mode: string, first: number): Promise<number[]> {
  const running = spawn(process.execPath, [child, folder, mode, String(first)], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let complaint = "";
  running.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
  const ended = new Promise<number | null>((resolve) => running.on("close", resolve));
  await new Promise<void>((resolve) => {
    running.stdout.on("data", (text: Buffer) => {
      said += text.toString();
      resolve();
    });
    void ended.then(() => resolve());
  });
  await delay(Math.random() * 250);
  running.kill("SIGKILL");
  assert.equal(await ended, null, `the child ended by itself: ${complaint}`);
  return said.split("\n").slice(0, -1).filter((line) => line !== "ready").map(Number);
}

describe("the decision log under kill -9", function () {
  this.timeout(600_000);

  for (const mode of ["block", "buffer"] as const) {
    it(`opens, and has ${mode === "block" ? "each grant that was given" : "all but the last"}, in ${mode} mode`, () =>
      inFolder(async (folder) => {
        let next = 0;
        for (let round = 0; round < kills; round++) {
          const given = await killOnce(folder, mode, next);
          const log = await openLog(folder, { clock: { now: () => Date.now() } });
          const { kept } = log.status;
          const records = await allRecords(log);
          const numbers = new Set<number>();
          records.forEach(({ index, hash, salt, payload }, i) => {
            assert.equal(index, kept + i);
            assert.equal(leafHash(Buffer.from(salt!, "hex"), Buffer.from(payload!)).toString("hex"), hash);
            const entry = entryOf(records[i]!);
            if (entry.kind === "check") numbers.add(Number(entry.request!.slice(1)));
          });
          const start = entryOf(records.at(-1)!);
          assert(start.kind === "start" && !start.clean, "the log says that it was not closed");
          const oldest = Math.min(...numbers);
          for (const number of given) assert(numbers.has(number) || number < oldest, `grant ${number} was given, and is not on record`);
          const own = [...numbers].filter((number) => number >= next).sort((a, b) => a - b);
          if (mode === "buffer" && kept === 0) own.forEach((number, i) => assert.equal(number, next + i, "what is missing is missing at the end"));
          next = Math.max(next, ...numbers, ...given) + 1;
          await log.close();
        }
        assert(next > kills, "the processes lived long enough to record");
      }));
  }
});
