import { parentPort, workerData } from "node:worker_threads";

import { UsherError } from "../../base/errors.js";
import { findTables, scrubTable } from "./scrub.js";
import type { ScrubOrder, ScrubReport } from "./scrubber.js";

/** The thread of `Scrubber`: verifies the tables that it was given, or all that there are, and says what it found. */
async function scrub({ folder, tables }: ScrubOrder): Promise<ScrubReport> {
  try {
    for (const table of tables ?? (await findTables(folder))) await scrubTable(table);
    return {};
  } catch (error) {
    // A disk that cannot be read shows in the store itself; here what can be read counts.
    return error instanceof UsherError ? { damage: error.message } : {};
  }
}

parentPort?.postMessage(await scrub(workerData as ScrubOrder));
