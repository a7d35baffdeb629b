import { createHash } from "node:crypto";
import { UsherError } from "../base/errors.js";
import { damagedCursor, decodeToken, encodeToken } from "../model/cursor-token.js";
import { checkFilter, type TupleFilter } from "../model/filter.js";
import { checkId, checkName, checkType, quote } from "../model/object.js";
import { subject } from "../model/subject.js";
import type { TupleKey } from "../storage/store.js";

/** Where a read goes on: the snapshot that its first page pinned, and the last tuple seen. */
export interface Cursor {
  readonly zookie: string;
  readonly after: TupleKey;
}

/** A token of `[zookie, hash of the filter, object type, id, relation, subject type, id, relation]`. */
export function encodeCursor(cursor: Cursor, filter: TupleFilter): string {
  const { object, relation, subject } = cursor.after;
  const fields = [cursor.zookie, hashOf(filter), object.type, object.id, relation, subject.type, subject.id, subject.relation];
  return encodeToken(fields);
}

/**
 * Every part is checked like input from outside, since it is: a cursor must not reach what its filter does not.
 * @throws `invalid_cursor`
 */
export function decodeCursor(token: string, filter: TupleFilter): Cursor {
  const [zookie, hash, objectType, objectId, relation, subjectType, subjectId, subjectRelation] = decodeToken(token, 8);
  if (hash !== hashOf(filter)) throw new UsherError("invalid_cursor", `cursor ${quote(token)} is of another filter: pass the filter of the page that gave it`);
  try {
    return {
      zookie: zookie ?? "",
      after: {
        object: { type: checkType(objectType ?? ""), id: checkId(objectId ?? "") },
        relation: checkName(relation ?? "", "relation"),
        subject: subject(subjectType ?? "", subjectId ?? "", subjectRelation),
      },
    };
  } catch (cause) {
    throw damagedCursor(token, cause);
  }
}

/** A filter's fields in a fixed order, so that the same filter written otherwise has the same hash. */
function hashOf(filter: TupleFilter): string {
  const { objectType, objectId, objectIdPrefix, relation, subjectType, subjectId, subjectRelation } = checkFilter(filter);
  const fields = [objectType, objectId, objectIdPrefix, relation, subjectType, subjectId, subjectRelation].map((field) => field ?? null);
  return createHash("sha256").update(JSON.stringify(fields)).digest("base64url").slice(0, 11);
}
