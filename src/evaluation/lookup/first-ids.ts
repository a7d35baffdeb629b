import { setImmediate } from "node:timers/promises";
import { throwIfAborted } from "../../base/abort.js";
import { compareIds } from "../../model/id-order.js";

/** Ids looked at between two rests. */
const sliceIds = 4_096;

/**
 * The first ids, at most `count` of them, in the order of their bytes, of those wanted; and whether there are more. Others run between
 * slices: of a million ids, all but a few are compared with the last of those that are kept, and dropped.
 */
export async function firstIds(ids: Iterable<string>, count: number, wanted: (id: string) => boolean, signal?: AbortSignal): Promise<{ readonly first: string[]; readonly more: boolean }> {
  let first: string[] = [];
  let last: string | undefined;
  let more = false;
  let seen = 0;
  const cut = () => {
    first = first.sort(compareIds);
    if (first.length <= count) return;
    more = true;
    first.length = count;
    last = first.at(-1);
  };
  for (const id of ids) {
    if (++seen % sliceIds === 0) {
      await setImmediate();
      throwIfAborted(signal);
    }
    if (!wanted(id)) continue;
    if (last !== undefined && compareIds(id, last) > 0) continue;
    first.push(id);
    if (first.length >= 2 * count) cut();
  }
  cut();
  return { first, more };
}
