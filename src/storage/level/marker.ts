import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { crc32 } from "node:zlib";

import { UsherError } from "../../base/errors.js";
import { syncFolder } from "../../base/whole-file.js";
import { quote } from "../../model/object.js";
import type { StoreIdentity } from "../store.js";
import { errorCode } from "./failure.js";
import { format } from "./meta.js";
import { corrupt, newerFormat } from "./state.js";

/**
 * The file `STORE` beside LevelDB's folder. It says that the folder is a store, so that no other
 * folder is ever written to, and it is a witness outside LevelDB: of a commit that was durable. A
 * LevelDB whose newest log was cut or removed opens without complaint, at an older state; this tells.
 *
 *     {"usher":"store","format":1,"store":"0a1b2c3d","timeline":"00c0ffee","complete":true,"revision":300,"hash":"9f…"}
 *     7d0f3a21                                                             CRC-32 of the first line
 */
export interface Marker extends StoreIdentity {
  /** Of the store's rows. */
  readonly format: number;
  /** False while the store is being created, so that a crash then leaves something that opens. */
  readonly complete: boolean;
  /** While a backup is being restored into the folder, which opens only once that is complete. */
  readonly restoring?: true;
  /** Of a commit that was durable when this was written, and its hash. */
  readonly revision: number;
  readonly hash: string;
}

const markerName = "STORE";
const temporaryName = "STORE.tmp";

export function levelFolder(folder: string): string {
  return join(folder, "level");
}

/** Undefined where there is an empty folder or none. @throws `not_a_store`, `store_corrupt`, `store_format_newer` */
export async function readMarker(folder: string, newest = format): Promise<Marker | undefined> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (errorCode(error) === "ENOENT") return [];
    if (errorCode(error) === "ENOTDIR") throw notAFolder(folder);
    throw error;
  });
  if (names.includes(markerName)) return parse(await readFile(join(folder, markerName), "utf8"), newest);
  if (names.includes("level")) throw corrupt(`its file \`${markerName}\` is missing`);
  // A creation that ended before its first step leaves the temporary file alone.
  if (names.some((name) => name !== temporaryName)) throw notAStore(folder);
  return undefined;
}

function parse(text: string, newest: number): Marker {
  const [line = "", sum] = text.split("\n");
  const sound = sum === crc32(line).toString(16).padStart(8, "0");
  const { usher, ...marker } = parseJson(line) as { usher?: unknown } & Marker;
  if (sound && usher === "store" && marker.format > newest) throw newerFormat(marker.format, newest);
  if (!sound || usher !== "store") throw corrupt(`its file \`${markerName}\` does not match its checksum`);
  return marker;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line) ?? {};
  } catch {
    return {};
  }
}

/** Creates the folder, for its owner alone, where there is none. */
export async function createFolder(folder: string): Promise<void> {
  // Resolved: of a relative path in a folder that is gone Node.js tries the parts for ever.
  await mkdir(resolve(folder), { recursive: true, mode: 0o700 });
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.chmod(0o700);
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(folder));
}

/** Replaces the file as a whole: whatever happens, one of the two is there. */
export async function writeMarker(folder: string, marker: Marker): Promise<void> {
  const { format: written, store, timeline, complete, restoring, revision, hash } = marker;
  const line = JSON.stringify({ usher: "store", format: written, store, timeline, complete, restoring, revision, hash });
  await writeSynced(join(folder, temporaryName), `${line}\n${crc32(line).toString(16).padStart(8, "0")}\n`);
  await rename(join(folder, temporaryName), join(folder, markerName));
  await syncFolder(folder);
}

/** What LevelDB's manifest and a new log may need beside the tables it makes of its logs. */
const spareBytes = 262_144;

/**
 * Whether LevelDB could be opened anew here: on opening it writes what its logs hold into tables, so as
 * much as that must fit on the disk. While it does not, the handle that failed still serves reads.
 */
export async function tryWriting(folder: string): Promise<void> {
  const level = levelFolder(folder);
  const logs = (await readdir(level)).filter((name) => name.endsWith(".log"));
  const sizes = await Promise.all(logs.map(async (name) => (await stat(join(level, name))).size));
  const path = join(folder, "PROBE");
  try {
    await writeSynced(path, Buffer.alloc(sizes.reduce((sum, size) => sum + size, spareBytes)));
  } finally {
    await rm(path, { force: true });
  }
}

async function writeSynced(path: string, content: string | Buffer): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

function notAStore(folder: string): UsherError {
  return new UsherError("not_a_store", `folder ${quote(folder)} is not empty and holds no store: give an empty folder, or one that does not exist`);
}

function notAFolder(path: string): UsherError {
  return new UsherError("not_a_store", `${quote(path)} is not a folder: name the folder of a store, or one for a new store`);
}

export function restoreUnfinished(folder: string): UsherError {
  return new UsherError(
    "restore_unfinished",
    `a restore into folder ${quote(folder)} was cut short: empty it and restore the backup again, or, where it was an upgrade on its way back, run \`usher upgrade --back\` again`,
  );
}
