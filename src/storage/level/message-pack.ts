/** Shorter texts are written by the character: a call into Node.js costs more. */
const shortText = 64;

/**
 * Writes MessagePack, the part that records need, into a buffer that grows: a text is copied once, to where it stands, and a list
 * may be begun before its length is known. By example, `["ana", 7, null]`, the list with the length patched in:
 *
 *     dd 00000003 | a3 61 6e 61 | 07 | c0
 */
export class MessagePackWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafe(bytes);
  }

  /** A list of so many; gives a mark by which the length can be set anew. */
  list(length: number): number {
    this.#reserve(5);
    const mark = this.#at;
    this.#bytes[mark] = 0xdd;
    this.#at = this.#bytes.writeUInt32BE(length, mark + 1);
    return mark;
  }

  setLength(mark: number, length: number): void {
    this.#bytes.writeUInt32BE(length, mark + 1);
  }

  binary(value: Uint8Array): void {
    this.#reserve(5 + value.length);
    this.#bytes[this.#at] = 0xc6;
    const start = this.#bytes.writeUInt32BE(value.length, this.#at + 1);
    this.#bytes.set(value, start);
    this.#at = start + value.length;
  }

  null(): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = 0xc0;
  }

  number(value: number): void {
    this.#reserve(9);
    if (Number.isInteger(value) && value >= 0 && value < 0x80 && !Object.is(value, -0)) {
      this.#bytes[this.#at++] = value;
    } else if (Number.isInteger(value) && value >= 0x80 && value <= 0xffff_ffff) {
      this.#bytes[this.#at] = 0xce;
      this.#at = this.#bytes.writeUInt32BE(value, this.#at + 1);
    } else {
      this.#bytes[this.#at] = 0xcb;
      this.#at = this.#bytes.writeDoubleBE(value, this.#at + 1);
    }
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#textHead(length);
    if (length !== value.length) this.#bytes.write(value, this.#at, "utf8");
    else this.#copy(value);
    this.#at += length;
  }

  /** A text that is given as one character a byte of its UTF-8. */
  textOfBytes(value: string): void {
    this.#textHead(value.length);
    this.#copy(value);
    this.#at += value.length;
  }

  /** What was written, a view. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #textHead(length: number): void {
    this.#reserve(5 + length);
    if (length < 32) {
      this.#bytes[this.#at++] = 0xa0 | length;
    } else if (length < 0x1_0000) {
      this.#bytes[this.#at] = 0xda;
      this.#at = this.#bytes.writeUInt16BE(length, this.#at + 1);
    } else {
      this.#bytes[this.#at] = 0xdb;
      this.#at = this.#bytes.writeUInt32BE(length, this.#at + 1);
    }
  }

  #copy(value: string): void {
    const bytes = this.#bytes;
    if (value.length >= shortText) bytes.write(value, this.#at, "latin1");
    else for (let i = 0, at = this.#at; i < value.length; i++) bytes[at++] = value.charCodeAt(i);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + count));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}
