import { open } from "node:fs/promises";

import type { Checkpoint } from "./checkpoint.js";
import { parseCheckpoint } from "./checkpoint.js";

/** Beside the log's records: every checkpoint that was ever signed, one behind the other, oldest first, an empty line behind each. */
export const checkpointsFileName = "checkpoints";

const pieceBytes = 65_536;

/** What the file has in one place. */
export type CheckpointInFile =
  | { readonly kind: "checkpoint"; readonly checkpoint: Checkpoint; readonly text: string }
  | { readonly kind: "unreadable"; readonly why: string }
  /** The end of the file: a crash cut what was being written, or something else did. */
  | { readonly kind: "cut" };

/** One note: the lines of its body, an empty one, those of its signatures; then another empty one. */
const note = /^(?:[^\n]+\n)+\n(?:— [^\n]*\n)+\n/u;

/** Reads the file in pieces. Nothing where there is none. */
export async function* readCheckpointsFile(file: string): AsyncGenerator<CheckpointInFile, undefined> {
  const handle = await open(file, "r").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    let rest = "";
    for await (const piece of handle.createReadStream({ encoding: "utf8", highWaterMark: pieceBytes, autoClose: false })) {
      rest += piece as string;
      for (let end = endOfNote(rest); end !== undefined; end = endOfNote(rest)) {
        yield read(rest.slice(0, end));
        rest = rest.slice(end);
      }
    }
    if (rest.length > 0) yield { kind: "cut" };
    return undefined;
  } finally {
    await handle.close();
  }
}

/** Notes end where an empty line is followed by no signature, and the file goes on or ends. */
function endOfNote(text: string): number | undefined {
  for (let at = text.indexOf("\n\n"); at !== -1; at = text.indexOf("\n\n", at + 1)) {
    const end = at + 2;
    if (!text.startsWith("— ", end) && text.slice(0, at).includes("\n\n")) return end;
  }
  return undefined;
}

function read(text: string): CheckpointInFile {
  const whole = text.slice(0, -1);
  try {
    if (!note.test(text)) throw new Error("it is not of the form of one");
    return { kind: "checkpoint", checkpoint: parseCheckpoint(whole), text: whole };
  } catch (error) {
    return { kind: "unreadable", why: (error as Error).message };
  }
}
