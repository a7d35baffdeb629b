import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { writeWholeFile } from "../base/whole-file.js";
import type { LeaseRecord } from "../decisions/leases.js";

/** In the database's folder, beside the store: `{"leaseMsMax":10000}`. */
const fileName = "leases.json";

/**
 * The record of leases in the database's folder. One that cannot be read is taken for the longest lease there may be: waiting too long is a delay,
 * waiting too short a receipt for what was not enforced.
 */
export async function openLeaseFile(folder: string): Promise<LeaseRecord> {
  const path = join(folder, fileName);
  let maxMs = await read(path);
  let raising: Promise<void> = Promise.resolve();
  const raise = async (ms: number) => {
    if (ms <= maxMs) return;
    await writeWholeFile(path, bytesOf(ms));
    maxMs = ms;
  };
  return {
    get maxMs() {
      return maxMs;
    },
    // One after the other, whatever became of the one before: a smaller one never takes the place of a greater.
    raise: (ms) => (raising = raising.catch(() => undefined).then(() => raise(ms))),
  };
}

async function read(path: string): Promise<number> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw new UsherError("store_unavailable", `the record of leases ${path} cannot be read`, { cause: error });
  }
  try {
    const { leaseMsMax } = JSON.parse(text) as { leaseMsMax: unknown };
    if (typeof leaseMsMax === "number" && leaseMsMax >= 0 && leaseMsMax <= limits.leaseMsMax) return leaseMsMax;
  } catch {
    // Damaged: as below.
  }
  return limits.leaseMsMax;
}

async function* bytesOf(leaseMsMax: number): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(JSON.stringify({ leaseMsMax }));
}
