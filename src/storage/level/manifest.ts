import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { maskedCrc32c } from "./crc.js";
import { Damaged, FileReader } from "./file-reader.js";

const logBlockBytes = 32_768;
const recordHeaderBytes = 7;

/** The kinds of fields in an edit of a version, by LevelDB's `version_edit.cc`. */
const tag = { comparator: 1, logNumber: 2, nextFile: 3, lastSequence: 4, compactPointer: 5, deletedFile: 6, newFile: 7, prevLogNumber: 9 } as const;

/**
 * The tables that LevelDB's manifest says the store is made of, number to size; what else lies there, an
 * interrupted compaction has left. The file `CURRENT` names the manifest, a log of edits, each of which
 * adds tables and takes some away.
 * @throws `Damaged`, and what the file system throws
 */
export async function readManifest(folder: string): Promise<Map<number, number>> {
  const name = (await readFile(join(folder, "CURRENT"), "utf8")).trim();
  if (!/^MANIFEST-\d+$/.test(name)) throw new Damaged("`CURRENT` names no manifest");
  const tables = new Map<number, number>();
  for (const edit of logRecords(await readFile(join(folder, name)))) applyEdit(tables, edit);
  return tables;
}

function applyEdit(tables: Map<number, number>, edit: Buffer): void {
  const reader = new FileReader(edit);
  while (reader.at < reader.end) {
    switch (reader.number()) {
      case tag.comparator:
        reader.text();
        break;
      case tag.logNumber:
      case tag.nextFile:
      case tag.lastSequence:
      case tag.prevLogNumber:
        reader.number();
        break;
      case tag.compactPointer:
        reader.number();
        reader.text();
        break;
      case tag.deletedFile:
        reader.number();
        tables.delete(reader.number());
        break;
      case tag.newFile:
        reader.number();
        tables.set(reader.number(), reader.number());
        reader.text();
        reader.text();
        break;
      default:
        throw new Damaged("it has a field of an unknown kind");
    }
  }
}

/**
 * The records of a log file. It is blocks of 32 KiB; a record that does not fit goes on in the next:
 *
 *     checksum, 4 bytes | length, 2 bytes | 1 whole, 2 first, 3 middle, 4 last part | content
 *
 * A block's last bytes, too few for a header, are zero. A record that ends behind the end of the file was
 * being written when the process died, and is none.
 */
function* logRecords(bytes: Buffer): Generator<Buffer> {
  let parts: Buffer[] = [];
  for (let at = 0; at + recordHeaderBytes <= bytes.length; ) {
    const left = logBlockBytes - (at % logBlockBytes);
    if (left < recordHeaderBytes) {
      at += left;
      continue;
    }
    const end = at + recordHeaderBytes + bytes.readUInt16LE(at + 4);
    const kind = bytes.readUInt8(at + 6);
    if (end > bytes.length) return;
    if (bytes.readUInt32LE(at) !== maskedCrc32c(bytes, at + 6, end)) throw new Damaged("a record of it does not match its checksum");
    parts.push(bytes.subarray(at + recordHeaderBytes, end));
    if (kind === 1 || kind === 4) {
      yield Buffer.concat(parts);
      parts = [];
    }
    at = end;
  }
}
