/**
 * The rows, in the order of their keys. Numbers are big-endian, so that their order is that of the bytes. By example, of a log of 300 records:
 *
 *     68                                   'h': size, root, and what goes on from there (`head.ts`)
 *     69                                   'i': which segments there are (`segments.ts`)
 *     62 | 00 00 00 00 01 00               'b': the block whose first record is 256 (`block.ts`)
 *     67 | 00 00 00 01                     'g': group 1, records 256 to 511: where its blocks begin, and their instants (`group.ts`)
 *     66 | 00 00 00 07                     'f': the fence of segment 7 (`segment.ts`)
 *     73 | 00 00 00 07 | 00 00 00 00       's': chunk 0 of segment 7 (`chunk.ts`)
 *     74 | 00 | 00 00 00 00                't': tile 0 of level 0: the hashes of records 0 to 255
 */
export const headKey = Buffer.from("h");
export const indexKey = Buffer.from("i");

export function blockKey(first: number): Buffer {
  const key = Buffer.allocUnsafe(7);
  key.writeUInt8(0x62, 0);
  key.writeUIntBE(first, 1, 6);
  return key;
}

export function groupKey(group: number): Buffer {
  return numbered(0x67, group);
}

export function fenceKey(segment: number): Buffer {
  return numbered(0x66, segment);
}

export function chunkKey(segment: number, chunk: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key.writeUInt8(0x73, 0);
  key.writeUInt32BE(segment, 1);
  key.writeUInt32BE(chunk, 5);
  return key;
}

export function tileKey(level: number, tile: number): Buffer {
  const key = Buffer.allocUnsafe(6);
  key.writeUInt8(0x74, 0);
  key.writeUInt8(level, 1);
  key.writeUInt32BE(tile, 2);
  return key;
}

function numbered(kind: number, value: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key.writeUInt8(kind, 0);
  key.writeUInt32BE(value, 1);
  return key;
}
