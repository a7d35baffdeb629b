import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import Benchmark from "benchmark";

import type { Tuple } from "../src/model/tuple.js";
import type { LevelStore } from "../src/storage/level/level-store.js";
import { openClassicLevel } from "../src/storage/level/raw.js";
import { openLevelStore } from "../src/storage/level/store.js";
import type { Write } from "../src/storage/store.js";

/**
 * What the store costs: durable single-tuple writes by 64 writers beside the rate of synced puts on the
 * same disk, probes of warm keys, lists of 100. Run it alone: `node dist/bench/storage.js`.
 */
const writers = 64;
const stored = 20_000;

function tupleOf(index: number): Tuple {
  return { object: { type: "document", id: String(Math.floor(index / 100)) }, relation: "viewer", subject: { type: "user", id: String(index), relation: "" } };
}

function writeOf(...tuples: Tuple[]): Write {
  return { tenant: 1, principal: "", preconditions: [], operations: tuples.map((tuple) => ({ kind: "touch", tuple })), metadata: {}, validateOnly: false };
}

async function fill(store: LevelStore): Promise<void> {
  for (let at = 0; at < stored; at += 1_000) await store.commit(writeOf(...Array.from({ length: 1_000 }, (_, i) => tupleOf(at + i))));
}

/** A benchmark of something asynchronous, `amount` of it a call. */
function deferred(name: string, amount: number, work: () => Promise<unknown>): Promise<number> {
  return new Promise((resolve, reject) => {
    new Benchmark(name, {
      defer: true,
      fn: (deferral: { resolve(): void }) => void work().then(() => deferral.resolve(), reject),
      onComplete: (event: Benchmark.Event) => {
        const perSecond = (event.target.hz ?? 0) * amount;
        console.log(`${name.padEnd(44)} ${Math.round(perSecond).toLocaleString("en").padStart(10)} /s`);
        resolve(perSecond);
      },
    }).run({ async: true });
  });
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "usher-bench-"));
  const raw = await openClassicLevel(join(folder, "raw"), { create: true });
  const store = await openLevelStore(join(folder, "store"));
  await fill(store);
  let next = stored;
  const synced = await deferred("synced put into LevelDB, one at a time", 1, () => raw.batch([{ type: "put", key: Buffer.from(String(next++)), value: Buffer.alloc(100) }], { sync: true }));
  await deferred("durable write of a tuple, one writer", 1, () => store.commit(writeOf(tupleOf(next++))));
  const grouped = await deferred(`durable write of a tuple, ${writers} writers`, writers, () => Promise.all(Array.from({ length: writers }, () => store.commit(writeOf(tupleOf(next++))))));
  console.log(`${writers} writers over synced puts: ${(grouped / synced).toFixed(1)}`);

  const snapshot = store.snapshot();
  const keys = Array.from({ length: 16 }, (_, i) => tupleOf(i * 37));
  await deferred("probe of one warm key", 1, () => snapshot.probe(1, keys.slice(0, 1)));
  await deferred("probe of 16 warm keys, by key", 16, () => snapshot.probe(1, keys));
  await deferred("list of 100 tuples, by tuple", 100, () => snapshot.list(1, { filter: { objectType: "document", objectId: "7", relation: "viewer" }, limit: 100 }));
  const before = store.snapshot(10);
  await deferred("list of 100 tuples at an older revision", 100, () => before.list(1, { filter: { objectType: "document", objectId: "7", relation: "viewer" }, limit: 100 }));
  before.release();
  snapshot.release();
  await store.close();
  await raw.close();
  await rm(folder, { recursive: true });
}

await main();
