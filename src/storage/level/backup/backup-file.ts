import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

import { asError, UsherError } from "../../../base/errors.js";
import { quote } from "../../../model/object.js";
import { errorCode } from "../failure.js";
import { Damaged } from "../file-reader.js";
import { checkFrame, decodeRows, frameHeadBytes, frameKind, magic, readFrameHead, type Row } from "./frame.js";
import { type BackupHeader, backupVersion, headerShape, trailerShape } from "./header.js";

/**
 * A backup file that is read from its front. Whatever its bytes are, reading them ends, takes no more memory than a frame, and
 * either gives what was written or throws a code: only a file whose end was reached and matches its digest is whole.
 */
export class BackupFile {
  readonly path: string;
  readonly header: BackupHeader;
  /** So many bytes the file has. */
  readonly bytes: number;
  readonly #frames: Frames;

  private constructor(path: string, header: BackupHeader, frames: Frames) {
    this.path = path;
    this.header = header;
    this.bytes = frames.size;
    this.#frames = frames;
  }

  /** @throws `invalid_file` where it cannot be read or is no backup, `store_format_newer`, `backup_damaged` */
  static async open(path: string): Promise<BackupFile> {
    const handle = await open(path, "r").catch((error: unknown) => {
      throw unreadable(path, error);
    });
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new UsherError("invalid_file", `file ${quote(path)} is no file`);
      const frames = new Frames(handle, stat.size);
      return new BackupFile(path, await readHeader(path, frames), frames);
    } catch (error) {
      await handle.close();
      throw asBackupError(path, error);
    }
  }

  /** The rows in the order in which they were written, a frame at a time; once. @throws `backup_damaged`, `invalid_file` */
  async *frames(): AsyncGenerator<Row[], void> {
    try {
      let count = 0;
      for (let frame = await this.#frames.next(); ; frame = await this.#frames.next()) {
        if (frame.kind === frameKind.trailer) return this.#finish(frame.content, count);
        if (frame.kind !== frameKind.rows) throw new Damaged("a frame of it is of an unknown kind");
        const rows = decodeRows(frame.content);
        count += rows.length;
        yield rows;
      }
    } catch (error) {
      throw asBackupError(this.path, error);
    }
  }

  close(): Promise<void> {
    return this.#frames.close();
  }

  #finish(content: Buffer, rows: number): void {
    const trailer = trailerShape.safeParse(parseJson(content));
    if (!trailer.success) throw new Damaged("its trailer is not one");
    if (trailer.data.sha256 !== this.#frames.digestBefore) throw new Damaged("it does not match the digest in its trailer");
    if (trailer.data.rows !== rows) throw new Damaged(`it has ${rows} rows, and its trailer says ${trailer.data.rows}`);
    if (!this.#frames.atEnd) throw new Damaged("it goes on behind its trailer");
  }
}

async function readHeader(path: string, frames: Frames): Promise<BackupHeader> {
  const begin = await frames.take(magic.length);
  if (begin === undefined || !begin.equals(magic)) throw new UsherError("invalid_file", `file ${quote(path)} is no backup: give one that \`usher backup\` has written`);
  const { kind, content } = await frames.next();
  if (kind !== frameKind.header) throw new Damaged("its header is missing");
  const json = parseJson(content);
  const header = headerShape.safeParse(json);
  if (header.success) return header.data;
  const { version } = Object(json) as { version?: unknown };
  if (typeof version === "number" && version > backupVersion) {
    throw new UsherError("store_format_newer", `file ${quote(path)} has version ${version}, and this version reads up to ${backupVersion}: use the version that wrote it, or a newer one`);
  }
  throw new Damaged("its header is not one");
}

function parseJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return undefined;
  }
}

/** Whatever a damaged file has led to, as the code that says so: what only a bug of ours could throw on sound bytes too. */
export function asBackupError(path: string, error: unknown): Error {
  if (error instanceof UsherError) return error;
  if (error instanceof Damaged) return damagedBackup(path, error.message, error);
  return errorCode(error) === undefined ? asError(error) : unreadable(path, error);
}

export function damagedBackup(path: string, what: string, cause?: unknown): UsherError {
  return new UsherError("backup_damaged", `backup ${quote(path)} is damaged: ${what}: use another copy of it, or another backup`, { details: { file: path }, cause });
}

function unreadable(path: string, error: unknown): UsherError {
  return new UsherError("invalid_file", `file ${quote(path)} cannot be read: ${asError(error).message}`, { details: { file: path }, cause: error });
}

/** The frames of a file, read one after the other. */
class Frames {
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #digest = createHash("sha256");
  #at = 0;
  /** Of every byte before the frame that was read last, in hex. */
  digestBefore = "";

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  get atEnd(): boolean {
    return this.#at === this.size;
  }

  async next(): Promise<{ kind: number; content: Buffer }> {
    const head = await this.#read(frameHeadBytes);
    const { kind, length } = readFrameHead(head);
    const content = await this.#read(length);
    checkFrame(head, content);
    if (kind === frameKind.trailer) this.digestBefore = this.#digest.copy().digest("hex");
    this.#digest.update(head);
    this.#digest.update(content);
    return { kind, content };
  }

  /** Undefined where there are not so many bytes. */
  async take(count: number): Promise<Buffer | undefined> {
    if (this.size - this.#at < count) return undefined;
    const bytes = await this.#read(count);
    this.#digest.update(bytes);
    return bytes;
  }

  /** The length is held against the file's before so much memory is taken. @throws `Damaged` */
  async #read(count: number): Promise<Buffer> {
    if (this.size - this.#at < count) throw new Damaged("it was cut short");
    const bytes = Buffer.allocUnsafe(count);
    for (let read = 0; read < count; ) {
      const { bytesRead } = await this.#handle.read(bytes, read, count - read, this.#at + read);
      if (bytesRead === 0) throw new Damaged("it was cut short");
      read += bytesRead;
    }
    this.#at += count;
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
