import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { parseTuple } from "../../model/tuple-text.js";
import type { Tuple } from "../../model/tuple.js";
import type { Entry } from "./format.js";

interface Line {
  /** From 1. */
  readonly line: number;
  /** Cut where it is longer than lines may be. */
  readonly text: string;
  readonly tooLong: boolean;
}

/** Splits text at line feeds; of a line that is too long its beginning is kept, so that memory is bounded by a line. */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<Line, void> {
  let line = 1;
  let begun = "";
  let tooLong = false;
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", start)) {
      const text = begun + piece.slice(start, end);
      yield { line: line++, text, tooLong: tooLong || text.length > limits.lineCharactersMax };
      [begun, tooLong] = ["", false];
      start = end + 1;
    }
    begun += piece.slice(start);
    if (begun.length <= limits.lineCharactersMax) continue;
    begun = begun.slice(0, limits.lineCharactersMax);
    tooLong = true;
  }
  if (begun !== "") yield { line, text: begun, tooLong };
}

/** A tuple a line, as `tuple read` prints them. Blank lines and those that begin with `//` are passed over. */
export async function* readTupleLines(pieces: AsyncIterable<string>): AsyncGenerator<Entry, void> {
  for await (const each of linesOf(pieces)) {
    const text = each.text.trim();
    if (text !== "" && !text.startsWith("//")) yield entryOf(each, text, parseTuple);
  }
}

/** A JSON value a line; blank lines are passed over. */
export async function* readJsonLines(pieces: AsyncIterable<string>, parse: (text: string) => Tuple): AsyncGenerator<Entry, void> {
  for await (const each of linesOf(pieces)) {
    const text = each.text.trim();
    if (text !== "") yield entryOf(each, text, parse);
  }
}

function entryOf({ line, tooLong }: Line, text: string, parse: (text: string) => Tuple): Entry {
  if (tooLong) return { line, text, problem: lineTooLong() };
  return attempt(line, text, () => parse(text));
}

export function lineTooLong(): UsherError {
  return new UsherError("invalid_tuple", `the line has more than ${limits.lineCharactersMax} characters`);
}

/** What is wrong with a tuple as an entry of its own; anything else is thrown on. */
export function attempt(line: number, text: string, read: () => Tuple): Entry {
  try {
    return { line, text, tuple: read() };
  } catch (error) {
    if (error instanceof UsherError) return { line, text, problem: error };
    throw error;
  }
}
