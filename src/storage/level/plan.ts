import { identityFields, type Side } from "./keys.js";
import type { TupleFilter } from "../../model/filter.js";
import type { TupleKey } from "../store.js";

/** In which order, and over which prefix of the keys, the tuples of a filter are read. */
export interface Plan {
  readonly side: Side;
  /** Of the text of the identity in the order of the side. */
  readonly prefix: string;
}

/**
 * The side is given by the contract of `Snapshot.list`: by subject where the filter names a subject's
 * id and no object, or no object type at all; else by object. The prefix is as long as the filter's
 * fields go without a gap; what comes after the gap is compared row by row.
 *
 *     { objectType: "document", objectIdPrefix: "a" }                      by object, `document\0a`
 *     { objectType: "document", relation: "viewer" }                       by object, `document\0`
 *     { objectType: "document", subjectType: "user", subjectId: "ana" }    by subject, `user\0ana\0`
 */
export function planOf(filter: TupleFilter): Plan {
  const bySubject =
    filter.subjectType !== undefined && filter.objectId === undefined && (filter.objectType === undefined || filter.subjectId !== undefined);
  return bySubject
    ? {
        side: "subject",
        prefix: prefixOf(
          [filter.subjectType, filter.subjectId, filter.subjectRelation, filter.objectType, filter.relation, filter.objectId],
          filter.objectIdPrefix,
          5,
        ),
      }
    : {
        side: "object",
        prefix: prefixOf(
          [filter.objectType, filter.objectId, filter.relation, filter.subjectType, filter.subjectRelation, filter.subjectId],
          filter.objectIdPrefix,
          1,
        ),
      };
}

/** Every field but the last ends with the separator, so that `user` is no prefix of `username`. */
function prefixOf(fields: readonly (string | undefined)[], idPrefix: string | undefined, idAt: number): string {
  let prefix = "";
  for (const [at, field] of fields.entries()) {
    if (field === undefined) return at === idAt ? prefix + (idPrefix ?? "") : prefix;
    prefix += at < fields.length - 1 ? `${field}\0` : field;
  }
  return prefix;
}

/** The text under which a tuple's identity sorts on a side, comparable as UTF-8 bytes. */
export function orderText(side: Side, key: TupleKey): string {
  return identityFields(side, key).join("\0");
}

