import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { quote } from "../../../model/object.js";
import { sharesRevision } from "../../resolve-zookie.js";
import { keyspaceOf, parseLogKey } from "../keys.js";
import { format, type ChainPoint } from "../meta.js";
import { decodeRecord, noHash } from "../record.js";
import { unseal } from "../seal.js";
import { newerFormat, verifyLink } from "../state.js";
import { BackupFile, damagedBackup } from "./backup-file.js";
import type { Row } from "./frame.js";
import { type BackupHeader, incrementSpaces } from "./header.js";

/** What a backup file was found to be. */
export interface VerifiedBackup {
  readonly path: string;
  readonly header: BackupHeader;
  readonly rows: number;
  readonly bytes: number;
}

/** Told after each frame. */
export type BackupProgress = (progress: { readonly file: string; readonly rows: number }) => void;

/**
 * Reads a full backup, and increments in their order, to their ends: each is whole, each row matches its own checksum, the log's
 * chain of hashes reaches from the horizon to the head without gap, over all files, and each goes on where the one before it ends.
 * @throws `invalid_file`, `backup_damaged`, `backup_mismatch`, `store_format_newer`
 */
export async function verifyBackups(paths: readonly string[], progress: BackupProgress = () => undefined, newest = format): Promise<VerifiedBackup[]> {
  checkPaths(paths);
  const verified: VerifiedBackup[] = [];
  for (const path of paths) {
    const file = await BackupFile.open(path);
    try {
      const { header } = file;
      if (header.format > newest) throw newerFormat(header.format, newest);
      checkFollows(verified.at(-1), path, header);
      verified.push({ path, header, rows: await verifyRows(file, progress), bytes: file.bytes });
    } finally {
      await file.close();
    }
  }
  return verified;
}

function checkPaths(paths: readonly string[]): void {
  if (paths.length === 0) throw new UsherError("invalid_request", "no backup file is given: give a full one, then its increments in order");
  if (paths.length > limits.backupFilesMax) throw new UsherError("invalid_request", `${paths.length} files are given, more than ${limits.backupFilesMax}: make a new full backup`);
}

/** @throws `backup_mismatch` */
function checkFollows(before: VerifiedBackup | undefined, path: string, { kind, from, store, timeline, ancestors, format: of }: BackupHeader): void {
  const refuse = (why: string) => new UsherError("backup_mismatch", `backup ${quote(path)} ${why}`, { details: { file: path } });
  if (before === undefined) {
    if (kind !== "full") throw refuse("is an increment: give the full backup before it first");
    return;
  }
  const { header: base } = before;
  const shown = quote(before.path);
  if (kind !== "incremental" || from === undefined) throw refuse("is a full one: give one full backup, then its increments in order");
  if (store !== base.store) throw refuse(`is of store \`${store}\`, and ${shown} of \`${base.store}\`: give increments of the same store`);
  if (of !== base.format) throw refuse(`has format ${of}, and ${shown} has ${base.format}: an upgrade lies between them, and a full backup after it is needed`);
  if (from.revision !== base.head.revision) throw refuse(`goes on from revision ${from.revision}, and ${shown} ends at ${base.head.revision}: give every increment, in order`);
  if (!sharesRevision({ timeline, ancestors }, base.timeline, base.head.revision) || from.hash !== base.head.hash) {
    throw refuse(`is of another timeline than ${shown}: a restore lies between them, and what was written after its fork was lost`);
  }
}

async function verifyRows(file: BackupFile, progress: BackupProgress): Promise<number> {
  const check = new RowChecks(file);
  let rows = 0;
  for await (const frame of file.frames()) {
    try {
      for (const row of frame) check.row(row);
    } catch (error) {
      throw asDamage(file.path, error);
    }
    rows += frame.length;
    progress({ file: file.path, rows });
  }
  check.end();
  return rows;
}

/** A row that nobody could have written, whatever has thrown on it: a codec of ours, or a reader of bytes. */
function asDamage(path: string, error: unknown): Error {
  return error instanceof UsherError && error.code === "backup_damaged" ? error : damagedBackup(path, "a row of it does not match its checksum, or is none", error);
}

/** What must hold from one row to the next. */
class RowChecks {
  readonly #file: BackupFile;
  #key: Buffer = Buffer.alloc(0);
  #last: ChainPoint | undefined;

  constructor(file: BackupFile) {
    this.#file = file;
    const { from } = file.header;
    if (from) this.#last = { ...from, instant: 0 };
  }

  row([key, value]: Row): void {
    const space = keyspaceOf(key);
    if (space === undefined) throw damagedBackup(this.#file.path, "a row of it is of no kind that is known");
    unseal(key, value);
    if (this.#file.header.kind === "full") {
      if (this.#key.compare(key) >= 0) throw damagedBackup(this.#file.path, "its rows are not in order");
      this.#key = key;
    } else if (!incrementSpaces.has(space)) {
      throw damagedBackup(this.#file.path, "it has rows that an increment has not");
    }
    if (space === "log") this.#link(key, value);
  }

  /** A full backup's log may begin before its horizon, where what is behind that is being collected. */
  #link(key: Buffer, value: Buffer): void {
    const revision = parseLogKey(key);
    const record = decodeRecord(revision, key, value);
    const { horizon } = this.#file.header;
    if (this.#last === undefined && revision > horizon.revision + 1) throw damagedBackup(this.#file.path, `revision ${horizon.revision + 1} is missing from its log`);
    const first: ChainPoint = { revision: revision - 1, instant: 0, hash: record.previous.toString("hex") };
    try {
      this.#last = verifyLink(this.#last ?? first, record);
    } catch (error) {
      throw damagedBackup(this.#file.path, `its log breaks at revision ${revision}`, error);
    }
  }

  end(): void {
    const { head, horizon, kind } = this.#file.header;
    if (this.#last === undefined) {
      if (kind === "full" && head.revision === horizon.revision && (head.revision > 0 || head.hash === noHash.toString("hex"))) return;
      throw damagedBackup(this.#file.path, "its log is missing");
    }
    if (this.#last.revision !== head.revision || this.#last.hash !== head.hash) throw damagedBackup(this.#file.path, "its log does not end at its head");
  }
}
