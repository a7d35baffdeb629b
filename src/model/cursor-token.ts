import { UsherError } from "../base/errors.js";
import { quote } from "./object.js";

/** A URL-safe token: JSON of texts. */
export function encodeToken(fields: readonly string[]): string {
  return Buffer.from(JSON.stringify(fields)).toString("base64url");
}

/** @throws `invalid_cursor` for what is no token of so many fields */
export function decodeToken(token: string, count: number): string[] {
  try {
    const fields: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(fields) && fields.length === count && fields.every((field) => typeof field === "string")) return fields;
  } catch (cause) {
    throw damagedCursor(token, cause);
  }
  throw damagedCursor(token);
}

export function damagedCursor(token: string, cause?: unknown): UsherError {
  return new UsherError("invalid_cursor", `cursor ${quote(token)} is not one: pass a cursor as a page gave it`, { cause });
}

export function expiredCursor(why: string, cause?: unknown): UsherError {
  return new UsherError("cursor_expired", `${why}: start again without a cursor`, { cause });
}
