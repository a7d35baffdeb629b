import { assert } from "../../base/assert.js";
import { Frontier } from "./frontier.js";
import { hashBytes, nodeHash } from "./merkle.js";
import { tileHashes, type TileReader } from "./tiles.js";

/**
 * Proofs from stored tiles, for a tree of any size up to the present one. A full subtree of height `h` is a run of `2^(h mod 8)` entries in one tile of
 * level `h / 8`; all others are put together from those. A proof in a log of a million records reads at most five tiles, and hashes some hundreds of nodes.
 */
export class Proofs {
  readonly #read: TileReader;

  constructor(read: TileReader) {
    this.#read = read;
  }

  /**
   * From the leaf up (RFC 9162, 2.1.3.1). Undefined where a tile that it needs has been dropped.
   * @param index below the size
   */
  async inclusion(index: number, size: number): Promise<Buffer[] | undefined> {
    assert(index >= 0 && index < size, "a proof of inclusion is of a leaf of the tree");
    const ranges: Range[] = [];
    for (let [start, end] = [0, size]; end - start > 1; ) {
      const middle = start + largestBelow(end - start);
      if (index < middle) {
        ranges.unshift([middle, end]);
        end = middle;
      } else {
        ranges.unshift([start, middle]);
        start = middle;
      }
    }
    return this.#roots(ranges);
  }

  /**
   * That the tree of the first size is a beginning of the second (RFC 9162, 2.1.4.1). None of an empty tree, and of equal ones. Undefined where a
   * tile that it needs has been dropped.
   */
  async consistency(size1: number, size2: number): Promise<Buffer[] | undefined> {
    assert(size1 >= 0 && size1 <= size2, "a tree begins with one that is not larger");
    if (size1 === 0) return [];
    const ranges: Range[] = [];
    let [start, end] = [0, size2];
    while (end !== size1) {
      const middle = start + largestBelow(end - start);
      if (size1 <= middle) {
        ranges.unshift([middle, end]);
        end = middle;
      } else {
        ranges.unshift([start, middle]);
        start = middle;
      }
    }
    // The verifier knows the first root itself.
    if (start > 0) ranges.unshift([start, end]);
    return this.#roots(ranges);
  }

  /** Of the tree of this size; undefined where a tile that it needs has been dropped. */
  async root(size: number): Promise<Buffer | undefined> {
    return size === 0 ? new Frontier().root() : (await this.#roots([[0, size]]))?.[0];
  }

  async #roots(ranges: readonly Range[]): Promise<Buffer[] | undefined> {
    const tiles = new Map<string, Uint8Array | undefined>();
    const roots: Buffer[] = [];
    for (const range of ranges) {
      const root = await this.#rootOf(range, tiles);
      if (root === undefined) return undefined;
      roots.push(root);
    }
    return roots;
  }

  /** The full subtrees from the left, each as large as fits, then joined from the right. */
  async #rootOf([start, end]: Range, tiles: Map<string, Uint8Array | undefined>): Promise<Buffer | undefined> {
    const subtrees: Buffer[] = [];
    for (let at = start; at < end; ) {
      const height = heightWithin(end - at);
      const root = await this.#full(height, at / 2 ** height, tiles);
      if (root === undefined) return undefined;
      subtrees.push(root);
      at += 2 ** height;
    }
    return subtrees.reduceRight((right, left) => nodeHash(left, right));
  }

  async #full(height: number, number: number, tiles: Map<string, Uint8Array | undefined>): Promise<Buffer | undefined> {
    const level = Math.floor(height / 8);
    const entries = 2 ** (height % 8);
    const index = Math.floor((number * entries) / tileHashes);
    const key = `${level}/${index}`;
    if (!tiles.has(key)) tiles.set(key, await this.#read(level, index));
    const tile = tiles.get(key);
    if (tile === undefined) return undefined;
    const start = ((number * entries) % tileHashes) * hashBytes;
    assert(tile.length >= start + entries * hashBytes, `tile ${index} of level ${level} has all hashes of the size`);
    const run = new Frontier();
    for (let at = start; at < start + entries * hashBytes; at += hashBytes) run.append(tile.subarray(at, at + hashBytes));
    return run.root();
  }
}

/** Leaves from the first, inclusive, to the second, exclusive. */
type Range = readonly [number, number];

/** The largest power of two that is smaller; of more than one leaf. */
function largestBelow(leaves: number): number {
  return 2 ** heightWithin(leaves - 1);
}

/** The largest full subtree of so many leaves. Logarithms would round up before there are 2^53. */
function heightWithin(leaves: number): number {
  let height = 0;
  while (2 ** (height + 1) <= leaves) height++;
  return height;
}
