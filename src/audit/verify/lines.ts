import { open } from "node:fs/promises";

import { asError, UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";

const pieceBytes = 1_048_576;
const lineFeed = 0x0a;

/** Lines of a file, many at a time, and whether the last one is ended by a line feed. */
export interface Lines {
  readonly lines: readonly string[];
  readonly cut: boolean;
}

/**
 * Reads the file in pieces.
 * @throws `invalid_file` where it cannot be read, or a line is longer than `limits.exportLineBytesMax`
 */
export async function* readLines(file: string): AsyncGenerator<Lines> {
  const handle = await open(file, "r").catch((error: unknown) => {
    throw unreadable(file, error);
  });
  try {
    let rest: Buffer[] = [];
    let restBytes = 0;
    for await (const piece of handle.createReadStream({ highWaterMark: pieceBytes, autoClose: false })) {
      const bytes = piece as Buffer;
      const first = bytes.indexOf(lineFeed);
      restBytes += first === -1 ? bytes.length : first;
      if (restBytes > limits.exportLineBytesMax) throw new Error(`it has a line of more than ${limits.exportLineBytesMax} bytes`);
      const end = bytes.lastIndexOf(lineFeed);
      rest.push(end === -1 ? bytes : bytes.subarray(0, end));
      if (end === -1) continue;
      yield { lines: Buffer.concat(rest).toString().split("\n"), cut: false };
      rest = end + 1 === bytes.length ? [] : [bytes.subarray(end + 1)];
      restBytes = bytes.length - end - 1;
    }
    if (restBytes > 0) yield { lines: [Buffer.concat(rest).toString()], cut: true };
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    await handle.close();
  }
}

function unreadable(file: string, cause: unknown): UsherError {
  return new UsherError("invalid_file", `file \`${file}\` cannot be read: ${asError(cause).message}`, { details: { file }, cause });
}
