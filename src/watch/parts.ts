import { limits } from "../base/limits.js";
import { matches, type TupleFilter } from "../model/filter.js";
import type { TupleChange, WatchEvent } from "../model/service.js";
import type { Tuple } from "../model/tuple.js";
import type { Commit, StoredChange } from "../storage/store.js";

type CommitEvent = WatchEvent & { readonly kind: "commit" };

/** What of a commit a watcher wants. */
export interface Interest {
  /** None: every tuple. */
  readonly filters: readonly TupleFilter[];
  readonly schemaChanges: boolean;
}

/**
 * A commit as the events that a watcher with this interest is sent, none where it holds nothing of
 * interest. A large one comes in parts, all but the last without a zookie, so that nobody resumes in
 * the middle: 2,500 operations are parts of 1,000, 1,000 and 500. A part is bounded in bytes as well,
 * since it must fit in one message of the wire. The schema comes with the first part.
 */
export function* commitEvents(commit: Commit, interest: Interest, zookie: string): Generator<CommitEvent> {
  const schema = interest.schemaChanges ? commit.schema : undefined;
  const wanted = commit.changes.filter(({ tuple }) => isWanted(interest.filters, tuple));
  if (wanted.length === 0 && schema === undefined) return;
  const { instant, metadata } = commit;
  for (let start = 0, first = true; first || start < wanted.length; first = false) {
    const end = partEnd(wanted, start);
    const last = end === wanted.length;
    const operations = wanted.slice(start, end).map(toChange);
    yield { kind: "commit", instant, metadata, operations, last, ...(first && schema !== undefined && { schema }), ...(last && { zookie }) };
    start = end;
  }
}

function isWanted(filters: readonly TupleFilter[], tuple: Tuple): boolean {
  return filters.length === 0 || filters.some((filter) => matches(filter, tuple));
}

/** Where the part that begins at `start` ends; it holds one change at least. */
function partEnd(changes: readonly StoredChange[], start: number): number {
  let bytes = 0;
  let end = start;
  while (end < changes.length && end - start < limits.watchEventOperationsMax) {
    bytes += wireBytesMax((changes[end] as StoredChange).tuple);
    if (bytes > limits.watchEventBytesMax && end > start) break;
    end++;
  }
  return end;
}

/** No fewer than the tuple takes on the wire: its identity, and eight bytes for each of its context as JSON (`0,` becomes a Value of 11). */
function wireBytesMax(tuple: Tuple): number {
  const identity = Buffer.byteLength(tuple.object.id) + Buffer.byteLength(tuple.subject.id) + 6 * limits.nameBytesMax;
  return tuple.condition === undefined ? identity : identity + 8 * Buffer.byteLength(JSON.stringify(tuple.condition.context));
}

/** Without what only the store knows, such as since when the tuple stood. */
function toChange({ kind, tuple }: StoredChange): TupleChange {
  const { object, relation, subject, condition, expiresAt } = tuple;
  return { kind, tuple: { object, relation, subject, ...(condition && { condition }), ...(expiresAt !== undefined && { expiresAt }) } };
}
