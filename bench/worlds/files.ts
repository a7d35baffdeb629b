import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { formatObject } from "../../src/model/object.js";
import { formatSubject } from "../../src/model/subject.js";
import { formatTuple } from "../../src/model/tuple.js";
import type { ExpectedCheck, ExpectedLookup, World } from "./world.js";

/**
 * Writes a world as files, so that any server can be loaded with the same data and asked the same questions: `schema.zed`, the schema in
 * SpiceDB's language; `tuples.txt`, a relation tuple a line; `questions.jsonl`, a JSON value a line, each with the answer it must get:
 *
 *     {"check":{"object":"document:wide","permission":"view","subject":"user:u17"},"allowed":true}
 *     {"lookupObjects":{"objectType":"document","permission":"view","subject":"user:u17"},"count":1}
 *     {"lookupSubjects":{"object":"document:wide","permission":"view","subjectType":"user"},"count":9001}
 */
export async function writeWorld(folder: string, world: World): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "schema.zed"), world.schema.trimStart());
  await writeLines(join(folder, "tuples.txt"), linesOf(world.tuples(), formatTuple));
  await writeLines(join(folder, "questions.jsonl"), linesOf([...world.checks.map(checkLine), ...world.lookups.map(lookupLine)], JSON.stringify));
}

function checkLine({ question: { object, permission, subject }, allowed }: ExpectedCheck): object {
  return { check: { object: formatObject(object), permission, subject: formatSubject(subject) }, allowed };
}

function lookupLine(lookup: ExpectedLookup): object {
  const { permission, count } = lookup;
  if (lookup.kind === "objects") return { lookupObjects: { objectType: lookup.objectType, permission, subject: formatSubject(lookup.subject) }, count };
  return { lookupSubjects: { object: formatObject(lookup.object), permission, subjectType: lookup.subjectType }, count };
}

/** In pieces of many lines: one write for each line would take longer than making it. */
function* linesOf<Item>(items: Iterable<Item>, text: (item: Item) => string): Generator<string> {
  let piece = "";
  for (const item of items) {
    piece += `${text(item)}\n`;
    if (piece.length < 65_536) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}

async function writeLines(path: string, pieces: Iterable<string>): Promise<void> {
  await pipeline(Readable.from(pieces), createWriteStream(path));
}
