import { join } from "node:path";

import { errorCode } from "./failure.js";
import { Damaged } from "./file-reader.js";
import { readManifest } from "./manifest.js";
import { corrupt } from "./state.js";
import { verifyTable } from "./table.js";

export interface TableFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Verifies LevelDB's tables before LevelDB is opened on them, the newest first, as many bytes as a
 * start can spare. Resolves to those that are left, for a scrub behind the store's back. LevelDB
 * itself checks its logs and its manifest.
 * @throws `store_corrupt`, and what the file system throws
 */
export async function scrubBeforeOpening(folder: string, bytesMax: number): Promise<TableFile[]> {
  const tables = await findTables(folder);
  let spent = 0;
  for (const [at, table] of tables.entries()) {
    if (spent >= bytesMax) return tables.slice(at);
    // Where the store is open in another process, its compactions take tables away: what is gone from the manifest too was not lost.
    const there = await scrubTable(table);
    if (!there && (await findTables(folder)).some(({ path }) => path === table.path)) throw corrupt(`table \`${table.path}\` is missing`);
    spent += table.bytes;
  }
  return [];
}

/** Resolves to whether the table is there. @throws `store_corrupt`, and what the file system throws */
export async function scrubTable({ path, bytes }: TableFile): Promise<boolean> {
  try {
    await verifyTable(path, bytes);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    if (error instanceof Damaged) throw corrupt(`table \`${path}\`: ${error.message}`);
    throw error;
  }
}

/** The tables that the store is made of, the newest first. @throws `store_corrupt`, and what the file system throws */
export async function findTables(folder: string): Promise<TableFile[]> {
  try {
    const tables = await readManifest(folder);
    return [...tables].sort(([a], [b]) => b - a).map(([number, bytes]) => ({ path: join(folder, `${String(number).padStart(6, "0")}.ldb`), bytes }));
  } catch (error) {
    if (error instanceof Damaged) throw corrupt(`its manifest: ${error.message}`);
    if (errorCode(error) === "ENOENT") throw corrupt("its manifest is missing");
    throw error;
  }
}
