import { assert } from "../../base/assert.js";
import { Frontier } from "./frontier.js";
import { hashBytes } from "./merkle.js";

/**
 * The tree's hashes as they are stored, in the tiles of C2SP's `tlog-tiles`: of every eighth height, 256 hashes a tile. Tile `index` of level `L` holds
 * the roots of the full subtrees of 256^L leaves numbered `256 × index` and following; of level 0, the leaves. The heights in between are hashed
 * again from these. Of 70,000 records:
 *
 *     level 0   tiles 0 to 272 full, tile 273 holds 112 hashes     70,000 = 273 × 256 + 112
 *     level 1   tile 0 full, tile 1 holds 17                          273 = 1 × 256 + 17
 *     level 2   tile 0 holds 1
 *
 * An entry never changes once it is there, a tile only grows. That costs 32 bytes and 1/255 a record.
 *
 * Retention may drop tiles of level 0 that lie below a boundary as a whole: subtrees of 256 leaves and more stay, as entries of level 1. With
 * `kept = 256 × floor(boundary / 256)` there still is a proof of inclusion of each record from `kept` on, and of consistency from each size that is not
 * below `kept`, or a multiple of 256. What goes is both for the records below, and for the sizes in between.
 */
export const tileHashes = 256;

export interface Tile {
  readonly level: number;
  readonly index: number;
  /** Its hashes, one after another; `tileHashes` of them where it is full. */
  readonly hashes: Uint8Array;
}

/** Reads a tile, full or with at least the entries of the size that is asked about. Undefined: it is not there. */
export type TileReader = (level: number, index: number) => Promise<Uint8Array | undefined>;

/** The unfinished tiles at the right edge, to which leaves are appended, and the root of all. */
export class TileEdge {
  #frontier = new Frontier();
  /** One for each level. */
  readonly #rows: Row[] = [];

  /**
   * @param leaves hashes of the last `size % 256` leaves, which the tile of level 0 that is not full holds
   * @param read the tiles of the levels above, as `append` gave them
   */
  static async restore(size: number, leaves: Uint8Array, read: TileReader): Promise<TileEdge> {
    assert(leaves.length === (size % tileHashes) * hashBytes, "the leaves behind the last full tile are all given");
    const edge = new TileEdge();
    const subtrees: Buffer[] = [];
    for (let [level, entries] = [0, size]; entries > 0; level++, entries = Math.floor(entries / tileHashes)) {
      const count = entries % tileHashes;
      const index = (entries - count) / tileHashes;
      const hashes = level === 0 || count === 0 ? leaves : await read(level, index);
      assert(hashes !== undefined && hashes.length >= count * hashBytes, `tile ${index} of level ${level} is there`);
      const row = new Row(index, hashes.subarray(0, count * hashBytes));
      edge.#rows.push(row);
      subtrees.unshift(row.frontier().serialise());
    }
    edge.#frontier = Frontier.restore(size, Buffer.concat(subtrees));
    return edge;
  }

  get size(): number {
    return this.#frontier.size;
  }

  root(): Buffer {
    return this.#frontier.root();
  }

  /**
   * Appends a leaf. Returns the tiles to be stored: none, but with every 256th leaf the full tile of level 0 and that of each level above which got a
   * hash by it, full or not; the latter replaces what was stored of it before.
   */
  append(leaf: Uint8Array): readonly Tile[] {
    const full = this.#frontier.append(leaf);
    const tiles: Tile[] = [];
    for (let level = 0; level * 8 < full.length; level++) {
      const row = (this.#rows[level] ??= new Row(0));
      row.push(full[level * 8]!);
      if (level > 0 || row.isFull) tiles.push({ level, index: row.index, hashes: row.copy() });
      if (row.isFull) row.next();
    }
    return tiles;
  }

  /** Of level 0 what is in no full tile: to be stored beside the size, for `restore`. */
  leaves(): Buffer {
    return this.#rows[0]?.copy() ?? Buffer.alloc(0);
  }

  /** Reads these tiles too, of which the storage has none or fewer entries. */
  over(read: TileReader): TileReader {
    return (level, index) => {
      const row = this.#rows[level];
      return row !== undefined && row.index === index && row.count > 0 ? Promise.resolve(row.copy()) : read(level, index);
    };
  }
}

class Row {
  index: number;
  count: number;
  readonly #hashes = Buffer.alloc(tileHashes * hashBytes);

  constructor(index: number, hashes: Uint8Array = Buffer.alloc(0)) {
    this.index = index;
    this.count = hashes.length / hashBytes;
    this.#hashes.set(hashes);
  }

  get isFull(): boolean {
    return this.count === tileHashes;
  }

  push(hash: Uint8Array): void {
    this.#hashes.set(hash, this.count * hashBytes);
    this.count++;
  }

  next(): void {
    this.index++;
    this.count = 0;
  }

  copy(): Buffer {
    return Buffer.from(this.#hashes.subarray(0, this.count * hashBytes));
  }

  frontier(): Frontier {
    const frontier = new Frontier();
    for (let at = 0; at < this.count; at++) frontier.append(this.#hashes.subarray(at * hashBytes, (at + 1) * hashBytes));
    return frontier;
  }
}
