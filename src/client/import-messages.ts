import { limits } from "../base/limits.js";
import type { ImportTuplesOptions, ImportTuplesRequest } from "../model/service.js";
import { formatTuple, type Tuple } from "../model/tuple.js";
import { toTuple, type TupleLike } from "./references.js";

/** A tuple with its place in its source, such as its line, by which messages name it. */
export interface Placed {
  readonly tuple: TupleLike;
  readonly position: number;
}

export type ImportSource = Iterable<TupleLike | Placed> | AsyncIterable<TupleLike | Placed>;

/** A batch stays well below a message, whatever its tuples' contexts hold. */
const batchBytesMax = limits.messageBytesMax / 16;

/** How to import, then the tuples in batches. Those without a place are counted from 1. */
export async function* importMessages(source: ImportSource, options: ImportTuplesOptions): AsyncGenerator<ImportTuplesRequest, void> {
  yield { kind: "begin", ...options };
  let tuples: Tuple[] = [];
  let positions: number[] = [];
  let bytes = 0;
  let count = 0;
  for await (const each of source) {
    count++;
    const { tuple, position } = typeof each === "object" && "position" in each ? each : { tuple: each, position: count };
    const read = toTuple(tuple);
    tuples.push(read);
    positions.push(position);
    bytes += sizeOf(read);
    if (tuples.length < limits.importBatchTuplesMax && bytes < batchBytesMax) continue;
    yield { kind: "tuples", tuples, positions };
    [tuples, positions, bytes] = [[], [], 0];
  }
  if (tuples.length > 0) yield { kind: "tuples", tuples, positions };
}

/** About how many bytes the tuple has as text. */
function sizeOf(tuple: Tuple): number {
  return tuple.condition === undefined ? tuple.object.id.length + tuple.subject.id.length + fieldBytes : formatTuple(tuple).length;
}

/** What names and the wire's own bytes come to in a usual tuple. */
const fieldBytes = 64;
