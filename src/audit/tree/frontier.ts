import { assert } from "../../base/assert.js";
import { emptyRoot, hashBytes, nodeHash } from "./merkle.js";

/**
 * The right edge of a tree: the roots of the full subtrees of which it consists, one for each bit of its size, the largest first. That is all that
 * the root of the tree, and of every larger one, needs: 32 bytes for each of at most 53. Of 6 leaves:
 *
 *     [n0-3, n4-5]        root = H(n0-3, n4-5)
 */
export class Frontier {
  #size = 0;
  readonly #subtrees: Buffer[] = [];

  /** @param bytes what `serialise` gave of this size */
  static restore(size: number, bytes: Uint8Array): Frontier {
    assert(Number.isSafeInteger(size) && size >= 0 && bytes.length === bitsSet(size) * hashBytes, "a frontier has a hash for each bit of its size");
    const frontier = new Frontier();
    frontier.#size = size;
    const own = Buffer.from(bytes);
    for (let at = 0; at < own.length; at += hashBytes) frontier.#subtrees.push(own.subarray(at, at + hashBytes));
    return frontier;
  }

  get size(): number {
    return this.#size;
  }

  /** @returns the roots of the subtrees that this made full, from height 0 (the leaf itself) up */
  append(leaf: Uint8Array): readonly Buffer[] {
    return this.appendSubtree(0, leaf);
  }

  /**
   * Appends a full subtree whose leaves are not at hand, as those behind the boundary of retention.
   * @param height of 2^height leaves, of which the size is a multiple
   */
  appendSubtree(height: number, root: Uint8Array): readonly Buffer[] {
    const leaves = 2 ** height;
    assert(this.#size % leaves === 0, "a subtree begins at a multiple of its size");
    let above: Buffer = Buffer.from(root);
    const full = [above];
    for (let left = this.#size / leaves; left % 2 === 1; left = (left - 1) / 2) {
      above = nodeHash(this.#subtrees.pop()!, above);
      full.push(above);
    }
    this.#subtrees.push(above);
    this.#size += leaves;
    return full;
  }

  root(): Buffer {
    return this.#subtrees.length === 0 ? emptyRoot : this.#subtrees.reduceRight((right, left) => nodeHash(left, right));
  }

  serialise(): Buffer {
    return Buffer.concat(this.#subtrees);
  }
}

function bitsSet(value: number): number {
  let bits = 0;
  for (let left = value; left > 0; left = Math.floor(left / 2)) bits += left % 2;
  return bits;
}
