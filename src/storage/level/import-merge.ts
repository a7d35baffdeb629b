import { before, BlockReader, stagedBytes, type StagedTuple } from "./import-block.js";

/** Reads one block of a run, as it was encoded. */
export type LoadBlock = (run: number, block: number) => Promise<Buffer>;

/** Which blocks of a run are left: from one on, up to but not including the end. */
export interface RunSpan {
  readonly from: number;
  readonly end: number;
}

/** So many tuples in order, and what is left of the runs once they are dealt with. */
export interface Taken {
  readonly tuples: readonly StagedTuple[];
  readonly spans: readonly RunSpan[];
}

/**
 * Sorted runs merged into one order, a block of each in memory. A tuple whose identity came before is
 * told of and left out: the first in the source stands.
 */
export class Merge {
  /** A heap by the runs' next tuples: no entry comes before the one at half its index. */
  readonly #heap: RunReader[] = [];
  readonly #runs: RunReader[];
  readonly #after: string;
  readonly #onDuplicate: (first: StagedTuple, again: StagedTuple) => void;
  #last: StagedTuple | undefined;
  #begun = false;

  /** @param after identities up to this one are passed over: they have been dealt with */
  constructor(spans: readonly RunSpan[], load: LoadBlock, after = "", onDuplicate: (first: StagedTuple, again: StagedTuple) => void = () => undefined) {
    this.#runs = spans.map((span, run) => new RunReader(span, (block) => load(run, block)));
    this.#after = after;
    this.#onDuplicate = onDuplicate;
  }

  /** At most so many, of so many bytes in all, one at least; undefined: that was all. */
  async take(count: number, bytes: number): Promise<Taken | undefined> {
    if (!this.#begun) await this.#begin();
    const tuples: StagedTuple[] = [];
    let size = 0;
    for (let [top] = this.#heap; top !== undefined; [top] = this.#heap) {
      const tuple = top.next;
      if (tuple === undefined) break;
      const again = tuple.order === this.#last?.order;
      if (!again && tuples.length > 0 && (tuples.length >= count || size + stagedBytes(tuple) > bytes)) break;
      if (!top.step()) await top.load();
      this.#sink();
      if (tuple.order <= this.#after) continue;
      if (again) {
        this.#onDuplicate(this.#last as StagedTuple, tuple);
        continue;
      }
      this.#last = tuple;
      tuples.push(tuple);
      size += stagedBytes(tuple);
    }
    return tuples.length === 0 ? undefined : { tuples, spans: this.#runs.map((run) => run.span) };
  }

  async #begin(): Promise<void> {
    this.#begun = true;
    for (const run of this.#runs) {
      await run.load();
      if (run.next === undefined) continue;
      this.#heap.push(run);
      for (let at = this.#heap.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!this.#swapIfBefore(at, parent)) break;
        at = parent;
      }
    }
  }

  /** The first run has stepped on, or has ended: puts it where it belongs. */
  #sink(): void {
    const heap = this.#heap;
    if (heap[0]?.next === undefined) {
      const last = heap.pop();
      if (last === undefined || heap.length === 0) return;
      heap[0] = last;
    }
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const child = left + 1 < heap.length && isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
      if (child >= heap.length || !this.#swapIfBefore(child, at)) return;
      at = child;
    }
  }

  #swapIfBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined || !isBefore(first, second)) return false;
    this.#heap[a] = second;
    this.#heap[b] = first;
    return true;
  }
}

function isBefore(a: RunReader | undefined, b: RunReader | undefined): boolean {
  return a?.next !== undefined && b?.next !== undefined && before(a.next, b.next);
}

/** One run, read from its front. */
class RunReader {
  readonly #load: (block: number) => Promise<Buffer>;
  readonly #end: number;
  #block: number;
  #reader: BlockReader | undefined;
  /** Undefined at the end. */
  next: StagedTuple | undefined;

  constructor({ from, end }: RunSpan, load: (block: number) => Promise<Buffer>) {
    this.#block = from - 1;
    this.#end = end;
    this.#load = load;
  }

  /** The blocks that hold what has not been taken. */
  get span(): RunSpan {
    return { from: Math.max(0, this.next === undefined ? this.#end : this.#block), end: this.#end };
  }

  /** To the next tuple; false: the block is at its end, and the one that follows must be loaded. */
  step(): boolean {
    this.next = this.#reader?.next();
    return this.next !== undefined;
  }

  async load(): Promise<void> {
    this.#block++;
    this.#reader = this.#block < this.#end ? new BlockReader(await this.#load(this.#block)) : undefined;
    this.next = this.#reader?.next();
  }
}
