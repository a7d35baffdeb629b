import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { asError, UsherError } from "../../base/errors.js";
import { quote } from "../../model/object.js";

/** A file, or stdin, read piece by piece. */
export interface Source {
  readonly name: string;
  /** Absent where it is not known. */
  readonly bytes?: number;
  /** Of UTF-8, without a byte order mark. @throws on iteration: `invalid_file` */
  readonly text: AsyncIterable<string>;
}

/** @param onBytes told of how much more was read @throws `invalid_file` for a file that is not there, or a folder */
export async function openSource(file: string, stdin: Readable, onBytes: (count: number) => void): Promise<Source> {
  if (file === "-") return { name: "stdin", text: decode(stdin, "stdin", onBytes) };
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new Error("it is a folder");
    return { name: file, bytes: found.size, text: decode(createReadStream(file), file, onBytes) };
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function* decode(stream: AsyncIterable<Buffer | string>, name: string, onBytes: (count: number) => void): AsyncGenerator<string, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk as Buffer);
      onBytes(bytes.length);
      yield decoder.decode(bytes, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw new UsherError("invalid_file", `file ${quote(name)} is not UTF-8 text`, { details: { file: name } });
    throw error instanceof UsherError ? error : unreadable(name, error);
  }
}

function unreadable(file: string, error: unknown): UsherError {
  return new UsherError("invalid_file", `file ${quote(file)} cannot be read: ${asError(error).message}`, { details: { file }, cause: error });
}
