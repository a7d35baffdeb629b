import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import type { Consistency } from "../model/service.js";

/** A URL-safe token: JSON of texts, of which the first is the zookie of the snapshot that the first page pinned. */
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

/**
 * Reads at the snapshot that a cursor pinned, or without one as the request asks. What is wrong with the zookie in a cursor is wrong
 * with the cursor.
 * @throws `cursor_expired` once the snapshot lies before the horizon, `invalid_cursor`, and what the body throws
 */
export async function pinned<T>(cursor: { readonly zookie: string } | undefined, consistency: Consistency | undefined, body: (consistency: Consistency | undefined) => Promise<T>): Promise<T> {
  // The newest snapshot of an instant that has been is the same each time.
  if (cursor === undefined || consistency?.kind === "asOf") return body(consistency);
  try {
    return await body({ kind: "exact", zookie: cursor.zookie });
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    if (error.code === "zookie_expired") throw expiredCursor("the cursor's snapshot lies before the horizon", error);
    if (error.code === "invalid_zookie") throw new UsherError("invalid_cursor", "the cursor is damaged: pass a cursor as a page gave it", { cause: error });
    throw error;
  }
}
