import { hash, timingSafeEqual } from "node:crypto";

import { limits } from "../../base/limits.js";

/**
 * An API key as its holder has it, by example of the id `billing-1`:
 *
 *     usher_billing-1_Zb8QeNVsuXw3Jm0oXo0Yl9cGm5r2o4sT1kq7dH6vB3w
 *           id        secret: 32 random bytes, base64url
 *
 * The prefix lets scanners find keys that were committed or logged; the id, which is no secret, says which one.
 *
 * At rest there is the SHA-256 of the whole text alone. A slow hash (scrypt, Argon2) would guard what people choose;
 * against 256 random bits nobody guesses, and it would cost each call tens of milliseconds, which is an invitation.
 */
const pattern = /^usher_([A-Za-z0-9][A-Za-z0-9-]*)_[A-Za-z0-9_-]{43}$/;

const idPattern = /^[A-Za-z0-9][A-Za-z0-9-]*$/;

const secretBytes = 32;

/** Without `_`, which ends an id in a key. */
export function isKeyId(text: string): boolean {
  return text.length <= limits.keyIdBytesMax && idPattern.test(text);
}

/** @param random gives so many random bytes */
export function createKey(id: string, random: (count: number) => Uint8Array): string {
  return `usher_${id}_${Buffer.from(random(secretBytes)).toString("base64url")}`;
}

/** The id in the text of a key; undefined where the text is none. */
export function keyIdOf(text: string): string | undefined {
  const id = pattern.exec(text)?.[1];
  return id !== undefined && isKeyId(id) ? id : undefined;
}

export function hashKey(text: string): Buffer {
  return hash("sha256", text, "buffer");
}

/** In a time that says nothing of where the two differ. */
export function isKey(text: string, hashed: Uint8Array): boolean {
  return timingSafeEqual(hashKey(text), hashed);
}
