import { join } from "node:path";
import { parseArgs } from "node:util";

import { Database } from "../src/database/database.js";
import type { ImportTuplesRequest } from "../src/model/service.js";
import type { Tuple } from "../src/model/tuple.js";
import { openClassicLevel } from "../src/storage/level/raw.js";
import { withFolder } from "./folder.js";
import { Random } from "./worlds/random.js";

/**
 * A bulk import, embedded, from a stream of tuples in random order to the last durable commit, both indexes and the log; beside it what
 * LevelDB takes for the same rows and nothing else. `node dist/bench/import.js --tuples 10000000`.
 */
const batch = 1_000;

const schema = "definition user {}\ndefinition document { relation viewer: user; relation editor: user; permission view = viewer + editor }";

function tupleOf(random: Random, index: number, count: number): Tuple {
  return {
    object: { type: "document", id: `d${random.below(Math.max(1, Math.floor(count / 10)))}` },
    relation: index % 4 === 0 ? "editor" : "viewer",
    // The index makes it one of its kind.
    subject: { type: "user", id: `u${index}`, relation: "" },
  };
}

async function* messagesOf(count: number): AsyncGenerator<ImportTuplesRequest> {
  const random = new Random(1);
  yield { kind: "begin" };
  for (let at = 0; at < count; at += batch) {
    yield { kind: "tuples", tuples: Array.from({ length: Math.min(batch, count - at) }, (_, i) => tupleOf(random, at + i, count)) };
  }
}

function report(name: string, count: number, startMs: number): void {
  const seconds = (performance.now() - startMs) / 1_000;
  const { rss } = process.memoryUsage();
  console.log(`${name.padEnd(48)} ${Math.round(count / seconds).toLocaleString("en").padStart(9)} /s  ${seconds.toFixed(1)} s  resident ${Math.round(rss / 1_048_576)} MB`);
}

/** Two rows a tuple, as wide as the indexes' and in no order, in batches of ten thousand. */
async function putRows(folder: string, count: number): Promise<void> {
  const raw = await openClassicLevel(folder, { create: true });
  const random = new Random(1);
  const value = Buffer.alloc(8);
  for (let at = 0; at < count; at += 10 * batch) {
    const rows = Array.from({ length: 20 * batch }, (_, i) => {
      const { object, relation, subject } = tupleOf(random, at + (i >> 1), count);
      const key = i % 2 === 0 ? `0....${object.type}0${object.id}0${relation}0${subject.type}00${subject.id}` : `1....${subject.type}0${subject.id}00${object.type}0${relation}0${object.id}`;
      return { type: "put" as const, key: Buffer.from(key), value };
    });
    await raw.batch(rows, { sync: true });
  }
  await raw.close();
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { tuples: { type: "string", default: "1000000" }, raw: { type: "boolean", default: false } } });
  const count = Number(values.tuples);
  await withFolder(async (folder) => {
    if (values.raw) {
      const start = performance.now();
      await putRows(join(folder, "raw"), count);
      report("LevelDB alone, two rows a tuple", count, start);
    }
    const database = await Database.open(join(folder, "store"), { maintenanceMs: Number.POSITIVE_INFINITY });
    try {
      await database.writeSchema({ text: schema }, {});
      const start = performance.now();
      let sent = 0;
      const { imported, chunks } = await database.importTuples(
        (async function* () {
          yield* messagesOf(count);
          report("validated and staged", (sent = count), start);
        })(),
        {},
      );
      report(`imported in ${chunks} commits`, imported, start);
      if (imported !== sent) throw new Error(`${sent} were sent, ${imported} imported`);
      const first = performance.now();
      await database.check({ object: { type: "document", id: "d1" }, permission: "view", subject: { type: "user", id: "u1", relation: "" } }, {});
      console.log(`first check after it ${(performance.now() - first).toFixed(1)} ms`);
    } finally {
      await database.close();
    }
  });
}

await main();
