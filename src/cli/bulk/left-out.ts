import { writeFile } from "node:fs/promises";
import type { Writable } from "node:stream";
import { asError, UsherError } from "../../base/errors.js";
import { quote } from "../../model/object.js";
import type { Schema } from "../../model/schema/schema.js";
import { formatTuple, type Tuple } from "../../model/tuple.js";
import { namesRefusedBySpiceDb, refusedBySpiceDb } from "../spicedb/accepted.js";

/** What an export for SpiceDB leaves out, or has in its schema and will be refused for: a line each, to stderr or to a file. */
export class LeftOut {
  readonly #stderr: Writable;
  readonly #file: string | undefined;
  readonly #lines: string[] = [];
  #count = 0;

  constructor(stderr: Writable, file: string | undefined) {
    this.#stderr = stderr;
    this.#file = file;
  }

  get count(): number {
    return this.#count;
  }

  look(schema: Schema): void {
    for (const name of namesRefusedBySpiceDb(schema)) this.#tell(`schema  ${name}  is no name there: rename it before`);
  }

  /** Tells of the tuple unless SpiceDB would take it. */
  accepts(tuple: Tuple): boolean {
    const why = refusedBySpiceDb(tuple);
    if (why !== undefined) this.#tell(`${formatTuple(tuple)}  ${why}`);
    return why === undefined;
  }

  /** @throws `invalid_file` */
  async end(): Promise<void> {
    if (this.#file === undefined) return;
    try {
      await writeFile(this.#file, this.#lines.map((line) => `${line}\n`).join(""));
    } catch (cause) {
      throw new UsherError("invalid_file", `file ${quote(this.#file)} cannot be written: ${asError(cause).message}`, { details: { file: this.#file }, cause });
    }
  }

  #tell(line: string): void {
    this.#count++;
    if (this.#file === undefined) this.#stderr.write(`left out  ${line}\n`);
    else this.#lines.push(line);
  }
}
