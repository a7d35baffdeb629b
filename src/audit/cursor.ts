import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";

/** Where the next page begins: the direction and the index, so that no other query's is taken for it by accident. `["1", "down", "8191"]`, base64url. */
export function encodeAuditCursor(next: number, oldestFirst: boolean): string {
  return Buffer.from(JSON.stringify([version, direction(oldestFirst), String(next)])).toString("base64url");
}

const version = "1";

/** @throws `invalid_cursor` */
export function decodeAuditCursor(cursor: string, oldestFirst: boolean): number {
  const next = Number(fieldsOf(cursor)?.[2]);
  if (Number.isSafeInteger(next) && next >= 0 && encodeAuditCursor(next, oldestFirst) === cursor) return next;
  throw new UsherError("invalid_cursor", `cursor ${quote(cursor)} is not one of this query: pass a cursor as a page gave it, with the same order`);
}

function fieldsOf(cursor: string): readonly unknown[] | undefined {
  try {
    const fields: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return Array.isArray(fields) ? fields : undefined;
  } catch {
    return undefined;
  }
}

function direction(oldestFirst: boolean): string {
  return oldestFirst ? "up" : "down";
}
