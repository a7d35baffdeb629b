/** Reads the numbers of LevelDB's files from bytes that may be damaged: what is not there throws `Damaged`. */
export class FileReader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  byte(): number {
    if (this.at >= this.end) throw new Damaged("it ends too soon");
    return this.bytes.readUInt8(this.at++);
  }

  /** LEB128; a file number or size is a safe integer. */
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new Damaged("a number in it is too large");
      if (byte < 0x80) return value;
    }
  }

  take(length: number): Buffer {
    if (this.at + length > this.end) throw new Damaged("it ends too soon");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** With its length before it. */
  text(): Buffer {
    return this.take(this.number());
  }
}

/** What is wrong with a file. */
export class Damaged extends Error {
  override readonly name = "Damaged";
}
