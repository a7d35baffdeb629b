import { matches } from "../model/filter.js";
import type { Tuple } from "../model/tuple.js";
import { memberKey, subjectKey, upKey } from "../evaluation/reads.js";
import type { Range } from "../evaluation/lookup/range.js";
import { Few } from "./few.js";
import type { LiveLookup } from "./live-lookup.js";

/** A range that a lookup follows. */
export interface Followed {
  readonly lookup: LiveLookup;
  readonly range: Range;
}

/**
 * The ranges that one tenant's live lookups follow. Each is registered before the snapshot is taken in which it is read: a commit is in the snapshot, or
 * is told here, or both.
 *
 * By example, `objects document view user:ana` follows the documents whose `viewer` names `user:ana`, under `user:ana<document#viewer`;
 * `subjects document:1 view user` the users that `document:1#viewer` names, under that text.
 */
export class LookupRanges {
  /** Of tuples that name a subject. */
  readonly #ups = new Map<string, Few<Followed>>();
  /** Of an object's relation. */
  readonly #members = new Map<string, Few<Followed>>();

  add(lookup: LiveLookup, range: Range): void {
    const { objectType = "", objectId, relation = "", subjectType = "", subjectId, subjectRelation = "" } = range.filter;
    const [sets, key] = objectId === undefined
      ? [this.#ups, upKey(subjectKey({ type: subjectType, id: subjectId ?? "", relation: subjectRelation }), objectType, relation)] as const
      : [this.#members, memberKey({ type: objectType, id: objectId }, relation)] as const;
    let set = sets.get(key);
    if (set === undefined) sets.set(key, (set = new Few()));
    const followed = { lookup, range };
    set.add(followed);
    lookup.following?.places.push({ sets, key, followed });
  }

  /** The lookup follows none of its ranges any more. */
  remove({ following }: LiveLookup): void {
    for (const { sets, key, followed } of following?.places ?? []) {
      const set = sets.get(key);
      set?.delete(followed);
      if (set?.size === 0) sets.delete(key);
    }
  }

  /** A tuple was written. @param grown told of each lookup that has something to follow, or to hold, by it */
  written(tuple: Tuple, grown: (lookup: LiveLookup) => void): void {
    const { object, relation, subject } = tuple;
    for (const set of [this.#members.get(memberKey(object, relation)), this.#ups.get(upKey(subjectKey(subject), object.type, relation))]) {
      for (const { lookup, range } of set ?? []) {
        if (!matches(range.filter, tuple)) continue;
        range.visit(tuple);
        if (lookup.following?.hasNews === true) grown(lookup);
      }
    }
  }
}
