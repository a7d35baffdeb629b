import { stat } from "node:fs/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";

import { writeWholeFile } from "../src/base/whole-file.js";
import { Database } from "../src/database/database.js";
import type { ImportTuplesRequest } from "../src/model/service.js";
import { restoreStore } from "../src/storage/level/backup/restore.js";
import { verifyBackups } from "../src/storage/level/backup/verify.js";
import { fsck } from "../src/storage/level/fsck/fsck.js";
import { withFolder } from "./folder.js";

/**
 * Keeping a store: a backup while checks and writes go on, what it does to them, and how fast it is verified, restored and checked.
 * `node dist/bench/keeping.js --tuples 1000000`.
 */
const schema = "definition user {}\ndefinition document { relation viewer: user; permission view = viewer }";

async function* messagesOf(count: number): AsyncGenerator<ImportTuplesRequest> {
  yield { kind: "begin" };
  for (let at = 0; at < count; at += 1_000) {
    const tuples = Array.from({ length: Math.min(1_000, count - at) }, (_, i) => ({
      object: { type: "document", id: `d${(at + i) % Math.ceil(count / 10)}` },
      relation: "viewer",
      subject: { type: "user", id: `u${at + i}`, relation: "" },
    }));
    yield { kind: "tuples", tuples };
  }
}

/** Writes and checks until told to stop; tells how long the loop was late and the slowest took. */
async function load(database: Database, running: () => boolean) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const times: number[] = [];
  let checks = 0;
  delay.enable();
  const start = performance.now();
  const writer = async (name: string) => {
    for (let i = 0; running(); i++) {
      const begun = performance.now();
      await database.writeTuples({ operations: [{ kind: "touch", tuple: { object: { type: "document", id: "w" }, relation: "viewer", subject: { type: "user", id: `${name}${i}`, relation: "" } } }] }, {});
      times.push(performance.now() - begun);
    }
  };
  const checker = async () => {
    for (; running(); checks++) await database.check({ object: { type: "document", id: `d${checks % 1_000}` }, permission: "view", subject: { type: "user", id: "u7", relation: "" } }, {});
  };
  await Promise.all([writer("a"), writer("b"), writer("c"), writer("d"), checker()]);
  delay.disable();
  const seconds = (performance.now() - start) / 1_000;
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  return `${Math.round(checks / seconds)} checks/s  ${Math.round(times.length / seconds)} writes/s  write p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms  max ${(delay.max / 1e6).toFixed(1)} ms`;
}

async function timed<Result>(name: string, rows: number, task: () => Promise<Result>): Promise<Result> {
  const start = performance.now();
  const result = await task();
  const seconds = (performance.now() - start) / 1_000;
  console.log(`${name.padEnd(24)} ${seconds.toFixed(1)} s  ${Math.round(rows / seconds).toLocaleString("en")} tuples/s  resident ${Math.round(process.memoryUsage().rss / 1_048_576)} MB`);
  return result;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { tuples: { type: "string", default: "1000000" } } });
  const count = Number(values.tuples);
  await withFolder(async (folder) => {
    const store = join(folder, "store");
    const file = join(folder, "backup");
    const database = await Database.open(store, { maintenanceMs: Number.POSITIVE_INFINITY });
    await database.writeSchema({ text: schema }, {});
    await database.importTuples(messagesOf(count), {});
    const until = performance.now() + 5_000;
    console.log(`without a backup         ${await load(database, () => performance.now() < until)}`);
    let running = true;
    const beside = load(database, () => running);
    await timed("backup beside it", count, async () => writeWholeFile(file, piecesOf(database)));
    running = false;
    console.log(`beside the backup        ${await beside}`);
    await database.close();
    console.log(`file                     ${((await stat(file)).size / count).toFixed(0)} bytes a tuple`);
    await timed("verify", count, () => verifyBackups([file]));
    await timed("restore, with verifying", count, () => restoreStore(join(folder, "restored"), [file]));
    const { left } = await timed("fsck", count, () => fsck(join(folder, "restored")));
    if (left > 0) throw new Error(`${left} findings`);
  });
}

async function* piecesOf(database: Database): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of database.backup({}, {})) yield bytes;
}

await main();
