import { Damaged, FileReader } from "./file-reader.js";

/**
 * Decompresses a block, by Google's "Snappy compressed format description": the length, then elements,
 * each of them with its kind in the low two bits of its first byte.
 *
 *     00 literal: length − 1 in the upper six bits, or, from 60 on, in the 1 to 4 bytes that follow
 *     01 copy: length − 4 in three bits, offset of 11 bits: three here, eight in the next byte
 *     10 copy: length − 1 in six bits, offset in two bytes    11 the same, in four
 */
export function decompress(bytes: Buffer): Buffer {
  const input = new FileReader(bytes);
  const length = input.number();
  // No element makes more than 64 bytes out of two.
  if (length > bytes.length * 32) throw new Damaged("a block in it claims too great a length");
  const output = Buffer.allocUnsafe(length);
  let at = 0;
  while (input.at < input.end) {
    const tag = input.byte();
    const size = tag >> 2;
    const kind = tag & 3;
    if (kind === 0) {
      const literal = input.take(1 + (size < 60 ? size : little(input, size - 59)));
      if (at + literal.length > length) throw new Damaged("a block in it is longer than it claims");
      at += literal.copy(output, at);
      continue;
    }
    const count = kind === 1 ? 4 + (size & 7) : 1 + size;
    const offset = kind === 1 ? ((tag >> 5) << 8) | input.byte() : little(input, kind === 2 ? 2 : 4);
    if (offset === 0 || offset > at || at + count > length) throw new Damaged("a block in it copies from nowhere");
    // A copy may overlap what it makes, so byte by byte.
    for (const end = at + count; at < end; at++) output[at] = output[at - offset] ?? 0;
  }
  if (at !== length) throw new Damaged("a block in it is shorter than it claims");
  return output;
}

function little(input: FileReader, count: number): number {
  return input.take(count).readUIntLE(0, count);
}
