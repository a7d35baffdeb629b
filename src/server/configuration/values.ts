import { z } from "zod";

import { durationMs } from "../../base/duration.js";
import { UsherError } from "../../base/errors.js";
import { sizeBytes } from "../../base/size.js";
import { isName } from "../../model/object.js";
import { parseAddress } from "../../model/wire/address.js";

/**
 * What the values of options are made of. Each is read from text, wherever it came from, so that a flag, a variable and
 * a line of the file mean the same.
 */

/** Reads the text, or says what it should be. */
function read<Value>(parse: (text: string) => Value | undefined, expected: string) {
  return z.string().transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  });
}

export const text = () => read((value) => (value === "" || value.includes("\0") ? undefined : value), "must not be empty, nor hold a NUL");

export const toggle = () => read((value) => ({ true: true, false: false })[value], "must be `true` or `false`");

export const choice = <const Words extends readonly string[]>(words: Words) =>
  read((value) => words.find((word): word is Words[number] => word === value), `must be ${words.map((word) => `\`${word}\``).join(" or ")}`);

export const count = (min: number, max: number) =>
  read((value) => (/^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined), `must be a whole number from ${min} to ${max}`);

const durations = "as `500ms`, `30s`, `5m`, `24h` or `7d`";

/** Milliseconds. */
export const duration = (maxMs: number) => read((value) => within(durationMs(value), maxMs), `must be a duration, ${durations}, of at most ${maxMs / 1_000} s`);

/** Milliseconds; `unlimited`: Infinity. */
export const durationOrUnlimited = () => read((value) => (value === "unlimited" ? Infinity : durationMs(value)), `must be \`unlimited\` or a duration, ${durations}`);

/** Milliseconds, at least so many. */
export const durationFrom = (minMs: number, maxMs: number) =>
  read((value) => between(durationMs(value), minMs, maxMs), `must be a duration, ${durations}, from ${minMs / 1_000} s to ${maxMs / 1_000} s`);

/** Bytes; `unlimited`: Infinity. */
export const sizeOrUnlimited = (minBytes: number, bounds: string) =>
  read((value) => (value === "unlimited" ? Infinity : between(sizeBytes(value), minBytes, Infinity)), `must be \`unlimited\`, or a size, as \`10GiB\` or a number of bytes, ${bounds}`);

/** Names with commas between them, each once. */
export const names = () => read((value) => namesOf(value), "must be names with commas between them, as `password,token`");

export const url = () => read((value) => (isUrl(value) ? value : undefined), "must be a URL that begins with `https://` or `http://`");

/** Bytes. @param bounds in words */
export const size = (minBytes: number, maxBytes: number, bounds: string) =>
  read((value) => between(sizeBytes(value), minBytes, maxBytes), `must be a size, as \`512MiB\`, \`1GB\` or a number of bytes, ${bounds}`);

export const address = (...words: readonly string[]) => read((value) => (words.includes(value) || isAddress(value) ? value : undefined), addressExpected(words));

function addressExpected(words: readonly string[]): string {
  return `must be a host and a port, as \`127.0.0.1:50051\` or \`[::1]:50051\`${words.map((word) => `, or \`${word}\``).join("")}`;
}

function within(ms: number | undefined, maxMs: number): number | undefined {
  return ms !== undefined && ms <= maxMs ? ms : undefined;
}

function between(number: number | undefined, min: number, max: number): number | undefined {
  return number !== undefined && number >= min && number <= max ? number : undefined;
}

function namesOf(text: string): readonly string[] | undefined {
  const list = text.split(",").map((name) => name.trim());
  return list.every(isName) ? [...new Set(list)] : undefined;
}

function isUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch (error) {
    if (error instanceof UsherError) return false;
    throw error;
  }
}
