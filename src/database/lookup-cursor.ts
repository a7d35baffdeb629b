import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { requestHash } from "../base/request-hash.js";
import { damagedCursor, decodeToken, encodeToken, expiredCursor } from "../model/cursor-token.js";
import { checkId, quote } from "../model/object.js";
import { wildcardId } from "../model/subject.js";
import type { Ground } from "../evaluation/evaluate.js";

/** Where a lookup goes on: the snapshot and the instant of its first page, and the last id judged, or `*` behind the wildcard. */
export interface LookupCursor {
  readonly zookie: string;
  readonly instant: Instant;
  readonly after: string;
}

/**
 * A token of `[zookie, hash of what is looked up, instant, id]`.
 * @param lookup all that makes it what it is, but for the size of its pages
 */
export function encodeLookupCursor({ zookie, instant, after }: LookupCursor, lookup: object): string {
  return encodeToken([zookie, hashOf(lookup), String(instant), after]);
}

/** @throws `invalid_cursor`, also for the cursor of another lookup */
export function decodeLookupCursor(token: string, lookup: object): LookupCursor {
  const [zookie = "", hash, instant = "", after = ""] = decodeToken(token, 4);
  if (hash !== hashOf(lookup)) throw new UsherError("invalid_cursor", `cursor ${quote(token)} is of another lookup: pass the request of the page that gave it`);
  if (!/^\d{1,16}$/.test(instant)) throw damagedCursor(token);
  try {
    return { zookie, instant: Number(instant), after: after === wildcardId ? after : checkId(after) };
  } catch (cause) {
    throw damagedCursor(token, cause);
  }
}

/**
 * The ground of a page: that of the first one. It was made after its snapshot and not in the future; and what was true then is not gone on
 * with for ever, since a tuple that expires does so between pages too.
 * @throws `invalid_cursor`, `cursor_expired`
 */
export function groundOf(cursor: LookupCursor, ground: Ground): Ground {
  const { instant } = cursor;
  if (instant < ground.snapshot.instant || instant > ground.now) throw new UsherError("invalid_cursor", "the cursor is damaged: pass a cursor as a page gave it");
  if (ground.now - instant > limits.lookupCursorMsMax) throw expiredCursor(`the first page was read more than ${limits.lookupCursorMsMax} ms ago`);
  return { ...ground, now: instant };
}

/** Names what a lookup enumerates: whatever that is a function of is in it. */
export function enumerationKey({ tenant, snapshot, now }: Ground, lookup: object): string {
  return `${tenant} ${snapshot.revision} ${now} ${hashOf(lookup)}`;
}

function hashOf(lookup: object): string {
  return requestHash(lookup).slice(0, 22);
}
