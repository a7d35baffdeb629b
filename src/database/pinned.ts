import { UsherError } from "../base/errors.js";
import { expiredCursor } from "../model/cursor-token.js";
import type { Consistency } from "../model/service.js";

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
