import { type FileHandle, open } from "node:fs/promises";

import { syncFolder } from "../base/whole-file.js";
import { dirname } from "node:path";
import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { type Checkpoint, parseCheckpoint } from "./checkpoint.js";

export interface WrittenCheckpoint {
  readonly text: string;
  readonly parsed: Checkpoint;
}

/**
 * The file to which checkpoints are appended, open for that. Each is on the disk before anybody is shown it. What a crash has cut at its end
 * is taken away when it is opened.
 */
export class CheckpointJournal {
  readonly #file: FileHandle;
  #last: WrittenCheckpoint | undefined;
  #length: number;

  /** @throws `store_corrupt` where the last checkpoint cannot be read, `store_unavailable` */
  static async open(path: string): Promise<CheckpointJournal> {
    const file = await open(path, "a+", 0o644).catch((error: unknown) => {
      throw new UsherError("store_unavailable", `file \`${path}\` cannot be opened: ${asError(error).message}`, { cause: error });
    });
    try {
      await syncFolder(dirname(path));
      const { size } = await file.stat();
      const from = Math.max(0, size - 3 * limits.checkpointBytesMax);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
      const tail = buffer.subarray(0, bytesRead);
      const ends = endsOf(tail);
      const end = ends.at(-1) ?? (from === 0 ? 0 : undefined);
      if (end === undefined) throw damaged(path, "there is no checkpoint at its end");
      if (end < tail.length) {
        await file.truncate(from + end);
        await file.sync();
      }
      const last = end === 0 ? undefined : read(path, tail.subarray(ends.at(-2) ?? 0, end));
      return new CheckpointJournal(file, last, from + end);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  private constructor(file: FileHandle, last: WrittenCheckpoint | undefined, length: number) {
    this.#file = file;
    this.#last = last;
    this.#length = length;
  }

  get last(): WrittenCheckpoint | undefined {
    return this.#last;
  }

  /** After a failure the file is as it was, or is made so by the next call. */
  async append(text: string): Promise<WrittenCheckpoint> {
    try {
      const { size } = await this.#file.stat();
      if (size > this.#length) await this.#file.truncate(this.#length);
      const bytes = Buffer.from(`${text}\n`);
      await this.#file.appendFile(bytes);
      await this.#file.sync();
      this.#length += bytes.length;
    } catch (error) {
      throw new UsherError("audit_unavailable", `a checkpoint cannot be written: ${asError(error).message}: see to the disk; it is made again later`, { cause: error });
    }
    return (this.#last = { text, parsed: parseCheckpoint(text) });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

const lineFeed = 0x0a;
const dash = Buffer.from("\n— ");

/** Behind each whole note: where an empty line follows a signature. */
function endsOf(bytes: Buffer): number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf("\n\n"); at !== -1; at = bytes.indexOf("\n\n", at + 1)) {
    const line = bytes.lastIndexOf(lineFeed, at - 1);
    if (line !== -1 && bytes.subarray(line, line + dash.length).equals(dash)) ends.push(at + 2);
  }
  return ends;
}

function read(path: string, bytes: Buffer): WrittenCheckpoint {
  try {
    const text = bytes.subarray(0, -1).toString();
    return { text, parsed: parseCheckpoint(text) };
  } catch (error) {
    throw damaged(path, asError(error).message);
  }
}

function damaged(path: string, why: string): UsherError {
  return new UsherError("store_corrupt", `the checkpoints of the decision log in \`${path}\` are damaged: ${why}: keep the folder as evidence, and restore it from a copy, or begin another`);
}
