import { writeSync } from "node:fs";

import { openLevelStore } from "../../../src/storage/level/store.js";
import { crashWrite, tell, type Told } from "./crash-protocol.js";

/**
 * The process that is killed: `crash-child <folder> <first index> <horizon ms> <indexes to retry>`. It
 * writes without end, several writes at a time, and says before each that it is sent, and after each
 * that it was acknowledged, in a way that a kill cannot swallow: written to the pipe before it goes on.
 */
const [folder = "", first = "0", horizonMs = "Infinity", retries = ""] = process.argv.slice(2);
const writers = 6;

const say = (told: Told) => void writeSync(1, tell(told));

const store = await openLevelStore(folder, { horizonMs: Number(horizonMs), maintenanceMs: horizonMs === "Infinity" ? Infinity : 5 });
say({ kind: "ready" });

async function write(index: number): Promise<void> {
  say({ kind: "sent", index });
  const { revision, repeated } = await store.commit(crashWrite(index));
  say({ kind: "acknowledged", index, revision, repeated });
}

for (const index of retries.split(",").filter((text) => text !== "")) await write(Number(index));
let next = Number(first);
await Promise.all(
  Array.from({ length: writers }, async () => {
    for (;;) await write(next++);
  }),
);
