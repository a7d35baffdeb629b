import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { once } from "node:events";
import { asError, UsherError } from "../../base/errors.js";
import { quote } from "../../model/object.js";
import type { Output } from "../output.js";

/** How many bad lines are told at once where they fail an import. */
const toldMax = 20;

export interface Problem {
  readonly line: number;
  /** As it stands in the file; absent where only the server knew. */
  readonly text?: string;
  readonly reason: string;
}

/** The bad lines of a file: each written to a file as it comes, or told beside the result, or kept for the error. */
export class Problems {
  readonly #file: string;
  readonly #output: Output;
  readonly #skip: boolean;
  readonly #writer: WriteStream | undefined;
  readonly #first: Problem[] = [];
  #count = 0;

  /** @param skip the import goes on without them */
  constructor(file: string, output: Output, skip: boolean, errorsFile: string | undefined) {
    this.#file = file;
    this.#output = output;
    this.#skip = skip;
    this.#writer = errorsFile === undefined ? undefined : createWriteStream(errorsFile);
    // What it fails with is told by `close`.
    this.#writer?.on("error", () => undefined);
  }

  get count(): number {
    return this.#count;
  }

  async add(problem: Problem): Promise<void> {
    this.#count++;
    if (this.#first.length < toldMax) this.#first.push(problem);
    if (this.#writer !== undefined) {
      if (!this.#writer.write(`${this.#describe(problem)}\n`) && !this.#writer.destroyed) await once(this.#writer, "drain").catch(() => undefined);
    } else if (this.#skip) {
      this.#output.note(this.#describe(problem));
    }
  }

  /** What an import fails with that does not go on without them. */
  error(): UsherError {
    const told = this.#first.map((problem) => `\n${this.#describe(problem)}`).join("");
    const rest = this.#count > toldMax ? `\n… and ${this.#count - toldMax} more` : "";
    const count = this.#count === 1 ? "a bad line" : `${this.#count} bad lines`;
    return new UsherError("invalid_file", `file ${quote(this.#file)} has ${count}, nothing was written:${told}${rest}`, { details: { file: this.#file, line: String(this.#first[0]?.line ?? 0) } });
  }

  /** @throws `invalid_file` where they could not be written */
  async close(): Promise<void> {
    if (this.#writer === undefined) return;
    try {
      const done = finished(this.#writer);
      this.#writer.end();
      await done;
    } catch (error) {
      throw new UsherError("invalid_file", `file ${quote(this.#writer.path)} cannot be written: ${asError(error).message}`, { cause: error });
    }
  }

  #describe({ line, text, reason }: Problem): string {
    const shown = text === undefined || reason.includes(quote(text)) ? "" : `${quote(text)}: `;
    return `${this.#file}:${line}: ${shown}${reason}`;
  }
}
