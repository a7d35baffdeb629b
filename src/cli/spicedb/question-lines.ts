import { UsherError } from "../../base/errors.js";

/** Reads a line of a file; what is wrong with it is said with its place. @throws `invalid_file` */
export function withLine<Result>(file: string, line: number, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    throw new UsherError("invalid_file", `${file}:${line}: ${error.message}`, { details: { file, line: String(line) }, cause: error });
  }
}
