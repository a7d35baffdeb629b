import { writeSync } from "node:fs";

import { checkEntry, openLog } from "./logs.js";

/** The process that is killed: `crash-child <folder> <mode> <first number>`. It records without end, and says which grants it was told are on the disk. */
const [folder = "", mode = "block", first = "0"] = process.argv.slice(2);
const log = await openLog(folder, { mode: mode as "block" | "buffer", clock: { now: () => Date.now() }, checkpointMs: 7, retention: { bytes: 400_000 } });
writeSync(1, "ready\n");

let next = Number(first);
async function record(): Promise<void> {
  for (;;) {
    const number = next++;
    await log.record(checkEntry(number, { at: Date.now(), answer: "allowed" }), true);
    if (mode === "block") writeSync(1, `${number}\n`);
    else await new Promise(setImmediate);
  }
}

await Promise.all(Array.from({ length: 20 }, record));
