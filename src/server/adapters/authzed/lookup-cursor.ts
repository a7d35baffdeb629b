import { UsherError } from "../../../base/errors.js";
import { requestHash } from "../../../base/request-hash.js";
import { decodeToken, encodeToken } from "../../../model/cursor-token.js";
import { compareIds } from "../../../model/id-order.js";
import { quote } from "../../../model/object.js";
import { wildcardId } from "../../../model/subject.js";

/**
 * Where a lookup goes on after any of its results, while ours go on after a page: the page in which the result stands, by our cursor or, of the first page,
 * by its snapshot; and the result's id, up to which the page is passed over.
 */
export interface LookupPosition {
  readonly zookie: string;
  /** Empty: the first page. */
  readonly page: string;
  /** Empty: the whole page follows. */
  readonly after: string;
}

/** A token of `[snapshot, hash of what is looked up, page, id]`. */
export class LookupCursors {
  readonly #hash: string;

  constructor(lookup: object) {
    this.#hash = requestHash(lookup).slice(0, 22);
  }

  encode({ zookie, page, after }: LookupPosition): string {
    return encodeToken([zookie, this.#hash, page, after]);
  }

  /** @throws `invalid_cursor`, also for the cursor of another lookup */
  decode(token: string): LookupPosition {
    const [zookie = "", hash, page = "", after = ""] = decodeToken(token, 4);
    if (hash !== this.#hash) throw new UsherError("invalid_cursor", `cursor ${quote(token)} is of another lookup: pass the request that gave it`);
    return { zookie, page, after };
  }
}

/** Results come in the order of their ids' bytes, a wildcard before all. */
export function isAfter(id: string, last: string): boolean {
  if (id === wildcardId || last === "") return last === "";
  return last === wildcardId || compareIds(id, last) > 0;
}
