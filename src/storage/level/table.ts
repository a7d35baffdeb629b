import { open } from "node:fs/promises";

import { maskedCrc32c } from "./crc.js";
import { Damaged, FileReader } from "./file-reader.js";
import { decompress } from "./snappy.js";

/** Where a block stands: its content, then a byte for its compression and four for its checksum. */
interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

const trailerBytes = 5;
const footerBytes = 48;
const magic = Buffer.from("57fb808b247547db", "hex");

/**
 * Verifies every block of one of LevelDB's tables against its checksum: LevelDB would, and its binding
 * cannot ask for it. A flipped bit in a key, an index or a filter would otherwise make a tuple absent, and
 * an absent tuple can be a permission. The format is LevelDB's `doc/table_format.md`: data blocks, the filter block, an
 * index of filters, an index of data blocks, and a footer with where the two indexes are.
 * @throws `Damaged`, and what the file system throws
 */
export async function verifyTable(path: string, size: number): Promise<void> {
  const file = await open(path, "r");
  try {
    const bytes = Buffer.allocUnsafe(size);
    const { bytesRead } = await file.read(bytes, 0, size, 0);
    if (bytesRead !== size || (await file.stat()).size !== size) throw new Damaged("it has another size than when it was written");
    verifyBytes(bytes);
  } finally {
    await file.close();
  }
}

function verifyBytes(bytes: Buffer): void {
  const footer = new FileReader(bytes, Math.max(0, bytes.length - footerBytes));
  if (bytes.length < footerBytes || !bytes.subarray(-magic.length).equals(magic)) throw new Damaged("it does not end as a table");
  const filters = readHandle(footer);
  const index = readHandle(footer);
  for (const handle of [...handlesIn(readBlock(bytes, filters)), ...handlesIn(readBlock(bytes, index))]) verifyBlock(bytes, handle);
}

function readHandle(reader: FileReader): BlockHandle {
  return { offset: reader.number(), size: reader.number() };
}

function verifyBlock(bytes: Buffer, { offset, size }: BlockHandle): void {
  const end = offset + size;
  if (end + trailerBytes > bytes.length) throw new Damaged("a block in it lies outside");
  if (bytes.readUInt32LE(end + 1) !== maskedCrc32c(bytes, offset, end + 1)) throw new Damaged(`its block at ${offset} does not match its checksum`);
}

function readBlock(bytes: Buffer, handle: BlockHandle): Buffer {
  verifyBlock(bytes, handle);
  const content = bytes.subarray(handle.offset, handle.offset + handle.size);
  return bytes[handle.offset + handle.size] === 1 ? decompress(content) : content;
}

/** The values of an index block's entries; the keys, which share prefixes, are passed over. At the end stand restart points and their count. */
function handlesIn(block: Buffer): BlockHandle[] {
  const restarts = block.length < 4 ? -1 : block.readUInt32LE(block.length - 4);
  const entries = new FileReader(block, 0, block.length - 4 * (restarts + 1));
  const handles: BlockHandle[] = [];
  while (entries.at < entries.end) {
    entries.number();
    const keyBytes = entries.number();
    const valueBytes = entries.number();
    entries.take(keyBytes);
    handles.push(readHandle(new FileReader(entries.take(valueBytes))));
  }
  return handles;
}
