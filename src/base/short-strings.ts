import { limits } from "./limits.js";

/**
 * Short strings of ASCII that have been read from messages, under their bytes. Names of types and members come in every message, and ids
 * again and again: comparing the bytes takes a fraction of what making the string anew would, and one string for all of them is found faster
 * in maps. Each place is taken by whichever string came last; nothing grows.
 */
export class ShortStrings {
  readonly #slots = new Array<string>(limits.shortStringsMax).fill("");

  /** @param decode gives the bytes as a string, wherever they are not known yet. @throws what it throws */
  read(bytes: Uint8Array, start: number, end: number, decode: (bytes: Uint8Array, start: number, end: number) => string): string {
    if (end - start > limits.shortStringBytesMax) return decode(bytes, start, end);
    const slot = slotOf(bytes, start, end);
    const known = this.#slots[slot] ?? "";
    if (equals(known, bytes, start, end)) return known;
    const text = decode(bytes, start, end);
    if (equals(text, bytes, start, end)) this.#slots[slot] = text;
    return text;
  }
}

/** FNV-1a, cut to the number of slots. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 16)) & (limits.shortStringsMax - 1);
}

/** Whether the bytes are the text in ASCII: whatever else they are, one of them is over 127, or they are more or fewer. */
function equals(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i] ?? 0;
    if (byte > 0x7f || text.charCodeAt(i) !== byte) return false;
  }
  return true;
}
