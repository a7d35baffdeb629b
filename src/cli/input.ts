import { readFile, stat } from "node:fs/promises";
import { isUtf8 } from "node:buffer";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import type { Readable } from "node:stream";
import { asError, UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";

/** The text of a file, or of stdin for `-`. @throws `invalid_file` */
export async function readInput(file: string, stdin: Readable): Promise<string> {
  return file === "-" ? decode(await readAll(stdin), "stdin") : readText(file);
}

/** @throws `invalid_file` for a file that is not there, not readable, or not UTF-8 */
export async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    if ((await stat(file)).isDirectory()) throw new Error("it is a folder");
    bytes = await readFile(file);
  } catch (error) {
    throw new UsherError("invalid_file", `file ${quote(file)} cannot be read: ${asError(error).message}`, { details: { file }, cause: error });
  }
  return decode(bytes, file);
}

/** The path of a file that another one names, which must be in that one's own folder; undefined: it is not. */
export function besideFile(file: string, path: string): string | undefined {
  const folder = dirname(file);
  const within = relative(folder, resolve(folder, path));
  return isAbsolute(path) || within.split(/[\\/]/)[0] === ".." ? undefined : resolve(folder, path);
}

function decode(bytes: Buffer, file: string): string {
  if (!isUtf8(bytes)) throw new UsherError("invalid_file", `file ${quote(file)} is not UTF-8 text`, { details: { file } });
  return bytes.toString("utf8").replace(/^\ufeff/, "");
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer | string));
  return Buffer.concat(chunks);
}
