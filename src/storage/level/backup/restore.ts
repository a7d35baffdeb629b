import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";

import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { syncFolder } from "../../../base/whole-file.js";
import { quote } from "../../../model/object.js";
import type { TenantId } from "../../../model/zookie.js";
import type { Ancestor, Head, StoreIdentity } from "../../store.js";
import { asStoreError } from "../failure.js";
import { type KeyRange, keyspaceOf, keyspaceRange, metaName, parseLogKey, timeLogKey } from "../keys.js";
import { createFolder, levelFolder, type Marker, readMarker, restoreUnfinished, writeMarker } from "../marker.js";
import { format, putMeta, tenantPrefix } from "../meta.js";
import { type OpenRaw, openClassicLevel, type RawDatabase, type RawOperation } from "../raw.js";
import { type CommitRecord, decodeRecord } from "../record.js";
import { sealEmpty, unsealJson } from "../seal.js";
import { entries, readState } from "../state.js";
import { endedPrefix, putEnded } from "../tenants.js";
import { BackupFile } from "./backup-file.js";
import type { Row } from "./frame.js";
import { type BackupHeader, wholeSpaces } from "./header.js";
import { Replay } from "./replay.js";
import { type BackupProgress, type VerifiedBackup, verifyBackups } from "./verify.js";

export interface RestoreOptions {
  /** So many random bytes, for the new timeline. */
  readonly random?: (count: number) => Uint8Array;
  readonly openRaw?: OpenRaw;
  readonly onVerify?: BackupProgress;
  readonly onLoad?: BackupProgress;
  /** The newest format that may be restored. Default: this version's. */
  readonly newest?: number;
}

export interface RestoredStore {
  readonly identity: StoreIdentity;
  /** The timelines before it: the last one's fork is the head of the backup. */
  readonly ancestors: readonly Ancestor[];
  readonly head: Head;
  readonly horizon: Head;
}

/**
 * Makes a store of a full backup and the increments after it, in an empty folder or one that is not there. All files are verified to
 * their ends before anything is written. The store is the same, its timeline is a new one that knows where it forked (SEMANTICS 14).
 * Cut short, it leaves a folder that does not open, and says so.
 * @throws `store_exists`, `not_a_store`, `restore_unfinished`, `backup_damaged`, `backup_mismatch`, `invalid_file`, `store_format_newer`, `store_unavailable`
 */
export async function restoreStore(folder: string, files: readonly string[], options: RestoreOptions = {}): Promise<RestoredStore> {
  const path = resolve(folder);
  const { random = randomBytes, openRaw = openClassicLevel, newest = format } = options;
  try {
    await requireEmpty(path);
    const backups = await verifyBackups(files, options.onVerify, newest);
    const { header } = backups.at(-1) as VerifiedBackup;
    const ancestors = [...header.ancestors, { timeline: header.timeline, fork: header.head.revision }];
    const identity = { store: header.store, timeline: Buffer.from(random(4)).toString("hex") };
    const marker: Marker = { format: header.format, ...identity, complete: true, revision: header.head.revision, hash: header.head.hash };
    await createFolder(path);
    await writeMarker(path, { ...marker, complete: false, restoring: true });
    await load(path, openRaw, backups, { header, identity, ancestors, ...(options.onLoad && { progress: options.onLoad }) });
    await syncFiles(levelFolder(path));
    await writeMarker(path, marker);
    const { revision, instant } = header.head;
    return { identity, ancestors, head: { revision, instant }, horizon: header.horizon };
  } catch (error) {
    throw asStoreError(error, "restore the backup", "then restore it again");
  }
}

async function requireEmpty(folder: string): Promise<void> {
  const marker = await readMarker(folder, Number.MAX_SAFE_INTEGER);
  if (marker === undefined) return;
  if (marker.restoring) throw restoreUnfinished(folder);
  throw new UsherError("store_exists", `folder ${quote(folder)} holds a store: restore into an empty folder, or one that does not exist`);
}

interface Target {
  readonly header: BackupHeader;
  readonly identity: StoreIdentity;
  readonly ancestors: readonly Ancestor[];
  readonly progress?: BackupProgress;
}

async function load(folder: string, openRaw: OpenRaw, backups: readonly VerifiedBackup[], target: Target): Promise<void> {
  const raw = await openRaw(levelFolder(folder), { create: true });
  try {
    const loader = new Loader(raw, target.progress);
    for (const { path } of backups) await loader.load(path);
    await loader.finish(target);
    // As opening will read it: what would not open is found now.
    await readState(raw, target.header.format);
  } finally {
    await raw.close();
  }
}

/** Puts the rows of backups into an empty database; the store's own rows, which make it a store, last. */
class Loader {
  readonly #raw: RawDatabase;
  readonly #progress: BackupProgress | undefined;
  /** The store's own rows, by name, as the newest file has them. */
  #meta = new Map<string, Row>();
  /** Tenants that stood or had ended in one of the files. */
  readonly #tenants = new Set<TenantId>();
  #replay: Replay | undefined;

  constructor(raw: RawDatabase, progress: BackupProgress | undefined) {
    this.#raw = raw;
    this.#progress = progress;
  }

  async load(path: string): Promise<void> {
    const file = await BackupFile.open(path);
    this.#meta = new Map();
    if (file.header.kind === "incremental") {
      this.#replay ??= await Replay.over(this.#raw);
      for (const space of wholeSpaces) await this.#clear(keyspaceRange(space));
    }
    let rows = 0;
    try {
      for await (const frame of file.frames()) {
        await this.#frame(frame);
        rows += frame.length;
        this.#progress?.({ file: path, rows });
      }
    } finally {
      await file.close();
    }
  }

  async finish({ header, identity, ancestors }: Target): Promise<void> {
    const own = [...this.#meta].filter(([name]) => !replacedNames.has(name)).map(([, row]) => put(row));
    const standing = new Set([...this.#meta].flatMap(([name, [key, value]]) => (name.startsWith(tenantPrefix) ? [unsealJson(key, value) as TenantId] : [])));
    const ended = [...this.#tenants].filter((id) => !standing.has(id)).map(putEnded);
    const made = [putMeta("identity", identity), putMeta("ancestors", ancestors), putMeta("mark", header.head), putMeta("head", header.head)];
    await this.#raw.batch([...(this.#replay?.counterRows() ?? []), ...own, ...ended, ...made], { sync: true });
  }

  async #frame(frame: readonly Row[]): Promise<void> {
    const operations: RawOperation[] = [];
    let records: CommitRecord[] = [];
    let changes = 0;
    for (const row of frame) {
      const [key, value] = row;
      const space = keyspaceOf(key);
      if (space === "meta") {
        this.#own(row);
        continue;
      }
      operations.push(put(row));
      if (space !== "log" || this.#replay === undefined) continue;
      const record = decodeRecord(parseLogKey(key), key, value);
      records.push(record);
      changes += record.commit.changes.length;
      if (changes < limits.groupOperationsMax) continue;
      await this.#write(operations.splice(0), records);
      records = [];
      changes = 0;
    }
    await this.#write(operations, records);
  }

  async #clear(range: KeyRange): Promise<void> {
    const snapshot = this.#raw.snapshot();
    try {
      for await (const [key] of entries(this.#raw, snapshot, range)) await this.#raw.batch([{ type: "del", key }], { sync: false });
    } finally {
      await snapshot.close();
    }
  }

  /** Not synced each: the folder counts only once every file in it has been. */
  async #write(operations: RawOperation[], records: readonly CommitRecord[]): Promise<void> {
    const derived = await this.#replayed(records);
    await this.#raw.batch([...operations, ...derived], { sync: false });
  }

  /** Of a tenant that was made and purged between two backups the log alone is left; nothing else of it is brought back. */
  async #replayed(records: readonly CommitRecord[]): Promise<RawOperation[]> {
    const known = records.filter(({ commit }) => this.#tenants.has(commit.tenant));
    const unknown = records.filter(({ commit }) => !this.#tenants.has(commit.tenant)).map(({ commit }) => timeLogKey(commit.instant, commit.revision));
    const rows = (await this.#replay?.rows(known)) ?? [];
    return [...rows, ...unknown.map((key): RawOperation => ({ type: "put", key, value: sealEmpty(key) }))];
  }

  #own(row: Row): void {
    const [key, value] = row;
    const name = metaName(key);
    this.#meta.set(name, row);
    if (name.startsWith(tenantPrefix)) this.#tenants.add(unsealJson(key, value) as TenantId);
    if (name.startsWith(endedPrefix)) this.#tenants.add(Number(name.slice(endedPrefix.length)));
  }
}

/** Written anew by a restore. */
const replacedNames: ReadonlySet<string> = new Set(["identity", "ancestors", "mark", "head"]);

function put([key, value]: Row): RawOperation {
  return { type: "put", key, value };
}

/** What LevelDB wrote without syncing is on the disk before the folder is said to be a store. */
async function syncFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const handle = await open(join(folder, name), constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  await syncFolder(folder);
}
