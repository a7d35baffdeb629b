import type { StoredTuple, Tuple } from "../../model/tuple.js";
import type { Revision } from "../../model/zookie.js";
import { tooMany, type TupleList } from "../reads.js";
import type { Weighed } from "./generations.js";

/** A leaf, with its entry in a map; and one of its tuples, which shares what it can with its key. Measured on Node.js 20. */
const leafBytes = 130;
const tupleBytes = 160;

/** What a result rests on: a leaf, or another result. It has been the same since `changedAt`. */
export interface Ground {
  readonly changedAt: Revision;
}

/**
 * A key that was read: whether a tuple stands under it, or which tuples a list holds. It is what memory holds of the store
 * and at once the end of every footprint: a result that read it holds as long as no commit has changed it. `undefined`: not
 * loaded, and commits are noted all the same, so that what is being loaded from an older snapshot is not taken for the present.
 */
export class Leaf<Value extends Tuple | null | TupleList> implements Ground, Weighed {
  value: Value | undefined = undefined;
  /** The last commit that touched the key since it was first asked for. */
  changedAt: Revision = 0;
  /** Resolves, whatever comes of it, when a load that is under way has ended. */
  loading: Promise<void> | undefined = undefined;

  get bytes(): number {
    const { value } = this;
    if (value === undefined || value === null || value === tooMany) return leafBytes;
    return leafBytes + (Array.isArray(value) ? (value as readonly Tuple[]).reduce((sum, tuple) => sum + bytesOf(tuple), 0) : bytesOf(value as Tuple));
  }

  /** What a snapshot holds under the key; discarded when a later commit touched it. True if it was taken. */
  fill(value: Value, revision: Revision): boolean {
    if (this.changedAt > revision) return false;
    this.value = value;
    return true;
  }

  /** What a commit made of it; `undefined`: to be loaded anew. */
  change(value: Value | undefined, revision: Revision): void {
    this.value = value;
    this.changedAt = revision;
  }
}

export function bytesOf(tuple: Tuple): number {
  return tupleBytes + 2 * tuple.subject.id.length + conditionBytes(tuple);
}

/** What a tuple's condition takes: its context may be larger than all else. */
export function conditionBytes({ condition }: Tuple): number {
  return condition === undefined ? 0 : 200 + 4 * JSON.stringify(condition.context).length;
}

export type ProbeLeaf = Leaf<StoredTuple | null>;
export type ListLeaf = Leaf<TupleList>;
