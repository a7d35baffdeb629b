import { readFile } from "node:fs/promises";
import { z } from "zod";
import { asError, UsherError } from "../../base/errors.js";
import { writeWholeFile } from "../../base/whole-file.js";
import { quote } from "../../model/object.js";
import type { Refusal } from "./refused.js";

/** How far a mirror is: everything of the source through `token` stands at `zookie`. */
export interface MirrorState {
  readonly source: string;
  /** Absent: the first import has not ended, or another one has begun. */
  readonly token?: string;
  /** Of the mirror: which database it is, and what it has committed at least. Absent: it had no schema yet. */
  readonly zookie?: string;
  readonly refused: readonly Refusal[];
}

const form = z.strictObject({
  format: z.literal(1),
  source: z.string(),
  token: z.string().optional(),
  zookie: z.string().optional(),
  refused: z.array(z.strictObject({ relationship: z.string(), reason: z.string() })),
});

/**
 * The file in which a follower keeps how far it is. It is replaced as a whole, at most once a second: what was committed since the last time is read from the mirror
 * itself, whose commits carry the source's token.
 */
export class StateFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Undefined: there is none yet. @throws `invalid_file` */
  async read(): Promise<MirrorState | undefined> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw this.#unreadable(asError(error).message, error);
    }
    try {
      const { format: _, token, zookie, ...state } = form.parse(JSON.parse(text));
      return { ...state, ...(token !== undefined && { token }), ...(zookie !== undefined && { zookie }) };
    } catch (error) {
      throw this.#unreadable("it is not what `usher follow` writes", error);
    }
  }

  /** @throws `invalid_file` */
  async write(state: MirrorState): Promise<void> {
    await writeWholeFile(this.path, once(Buffer.from(`${JSON.stringify({ format: 1, ...state }, undefined, 2)}\n`)));
  }

  #unreadable(why: string, cause: unknown): UsherError {
    return new UsherError("invalid_file", `the state in file ${quote(this.path)} cannot be read: ${why}; give another --state to begin anew`, { details: { file: this.path }, cause });
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}
