import { assert } from "../base/assert.js";
import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { requestHash } from "../base/request-hash.js";
import type { AuditFilter } from "../model/audit.js";
import { decodeToken, encodeToken, expiredCursor } from "../model/cursor-token.js";
import { quote } from "../model/object.js";
import { type SigningKey, verifySignature } from "./signing-key.js";

/** A query, with whose it is: all that its record says of what is read, but for the size of its pages. */
export interface AuditQuery {
  /** Absent: of all tenants. */
  readonly tenant: string | undefined;
  readonly reader: string;
  readonly filter: AuditFilter;
  readonly oldestFirst: boolean;
}

/** Where the next page begins, and when the first was asked for. */
export interface AuditPosition {
  readonly next: number;
  readonly begun: Instant;
}

/** What is signed begins with it, which no checkpoint does: those are lines. */
const purpose = "usherdb audit cursor 1";

/**
 * Cursors of the decision log. That somebody read it is recorded with the first page; so a cursor is one that this log gave, to whom it gave it, for the
 * same query and not for ever: else pages could be read of which there is no record. Signed with the key of the log it outlives the process, and ends
 * where another key or another log takes its place.
 */
export class AuditCursors {
  readonly #origin: string;
  readonly #key: SigningKey;

  constructor(origin: string, key: SigningKey) {
    this.#origin = origin;
    this.#key = key;
  }

  /** A token of `[index, instant of the first page, hash of the query, signature]`. */
  encode({ next, begun }: AuditPosition, query: AuditQuery): string {
    const fields = [String(next), String(begun), hashOf(query)];
    return encodeToken([...fields, this.#key.sign(this.#signed(fields)).toString("base64url")]);
  }

  /** @throws `invalid_cursor`, also for the cursor of another query; `cursor_expired` */
  decode(token: string, query: AuditQuery, now: Instant): AuditPosition {
    const [next = "", begun = "", hash = "", signature = ""] = decodeToken(token, 4);
    if (!verifySignature(this.#key.publicKey, this.#signed([next, begun, hash]), Buffer.from(signature, "base64url"))) {
      throw new UsherError("invalid_cursor", `cursor ${quote(token)} is none that this log gave, or its key is another by now: pass a cursor as a page gave it, or start again without one`);
    }
    if (hash !== hashOf(query)) {
      throw new UsherError("invalid_cursor", `cursor ${quote(token)} is of another query: pass the request of the page that gave it, of the same tenant and with the same key`);
    }
    const position = { next: Number(next), begun: Number(begun) };
    assert(Number.isSafeInteger(position.next) && Number.isFinite(position.begun), "what is signed was a position");
    if (now - position.begun > limits.auditCursorMsMax) throw expiredCursor(`the first page was read more than ${limits.auditCursorMsMax} ms ago`);
    return position;
  }

  #signed(fields: readonly string[]): Buffer {
    return Buffer.from(JSON.stringify([purpose, this.#origin, ...fields]));
  }
}

/** In which order kinds are named makes no other query. */
function hashOf({ filter, ...query }: AuditQuery): string {
  return requestHash({ ...query, filter: { ...filter, kinds: filter.kinds && [...filter.kinds].sort() } }).slice(0, 22);
}
