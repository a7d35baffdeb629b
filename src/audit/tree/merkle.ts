import { hash } from "node:crypto";

/**
 * The hashes of RFC 6962 and the checks of their proofs, as RFC 9162 gives them (section 2.1). A leaf is `SHA-256(0x00 || salt || payload)`, a node
 * `SHA-256(0x01 || left || right)`: the first byte keeps one from being passed off as the other.
 *
 *              root of 5
 *              /       \
 *           n0-3        l4      the left subtree is always the largest that is full
 *          /    \
 *       n0-1    n2-3
 *       /  \    /  \
 *      l0  l1  l2  l3
 */
export const hashBytes = 32;

/** Of the tree without leaves: `SHA-256()`. */
export const emptyRoot: Buffer = sha256(Buffer.alloc(0));

// What is hashed is first put together here: a call of the hash in one piece costs two thirds of one in parts.
const node = Buffer.alloc(1 + 2 * hashBytes, 1);
const leaf = Buffer.alloc(65_536);

function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}

export function leafHash(salt: Uint8Array, payload: Uint8Array): Buffer {
  const bytes = 1 + salt.length + payload.length;
  const whole = bytes <= leaf.length ? leaf.subarray(0, bytes) : Buffer.alloc(bytes);
  whole.set(salt, 1);
  whole.set(payload, 1 + salt.length);
  return sha256(whole);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  node.set(left, 1);
  node.set(right, 1 + hashBytes);
  return sha256(node);
}

export function equalHashes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/**
 * Whether the leaf stands at the index of the tree that has the size and the root (RFC 9162, 2.1.3.2). A path is good for every size that gives the
 * tree the same shape around the leaf, and so may the root be wrongly said to be of one: it is the signed checkpoint that binds root to size.
 * @param path from the leaf up
 */
export function verifyInclusion(size: number, index: number, leafHash: Uint8Array, path: readonly Uint8Array[], root: Uint8Array): boolean {
  const above = rootAbove(size, index, leafHash, path);
  return above !== undefined && equalHashes(above, root);
}

/** The root to which the path leads from the leaf; undefined: it is no path from there. */
export function rootAbove(size: number, index: number, leafHash: Uint8Array, path: readonly Uint8Array[]): Uint8Array | undefined {
  const steps = stepsAbove(size, index, path);
  if (steps === undefined || leafHash.length !== hashBytes) return undefined;
  return steps.reduce((above, { sibling, isLeft }) => (isLeft ? nodeHash(sibling, above) : nodeHash(above, sibling)), leafHash);
}

/** Of a path of inclusion the hashes left of the leaf: those of the full subtrees before it, which a `Frontier` of the index's size has. */
export function subtreesBefore(size: number, index: number, path: readonly Uint8Array[]): Uint8Array[] | undefined {
  return stepsAbove(size, index, path)?.filter(({ isLeft }) => isLeft).map(({ sibling }) => sibling).reverse();
}

interface Step {
  readonly sibling: Uint8Array;
  readonly isLeft: boolean;
}

function stepsAbove(size: number, index: number, path: readonly Uint8Array[]): Step[] | undefined {
  if (!isSize(size) || !isSize(index) || index >= size || !allHashes(path)) return undefined;
  let position = index;
  let last = size - 1;
  const steps: Step[] = [];
  for (const sibling of path) {
    if (last === 0) return undefined;
    const isLeft = isOdd(position) || position === last;
    if (isLeft) while (!isOdd(position) && position !== 0) [position, last] = [half(position), half(last)];
    steps.push({ sibling, isLeft });
    [position, last] = [half(position), half(last)];
  }
  return last === 0 ? steps : undefined;
}

/**
 * Whether the tree of the first size and root is a beginning of the second (RFC 9162, 2.1.4.2). Of an empty tree nothing can be proven, since
 * every tree begins with it; that is refused, so that whoever asks has to say what it means to him.
 */
export function verifyConsistency(size1: number, size2: number, root1: Uint8Array, root2: Uint8Array, path: readonly Uint8Array[]): boolean {
  if (!isSize(size1) || !isSize(size2) || size1 === 0 || size1 > size2) return false;
  if (size1 === size2) return path.length === 0 && equalHashes(root1, root2);
  if (path.length === 0 || !allHashes([root1, root2, ...path])) return false;
  const [first, ...rest] = isPowerOfTwo(size1) ? [root1, ...path] : path;
  if (first === undefined) return false;
  let position = size1 - 1;
  let last = size2 - 1;
  while (isOdd(position)) [position, last] = [half(position), half(last)];
  let [above1, above2] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      above1 = nodeHash(sibling, above1);
      above2 = nodeHash(sibling, above2);
      while (!isOdd(position) && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      above2 = nodeHash(above2, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && equalHashes(above1, root1) && equalHashes(above2, root2);
}

// Sizes are beyond what bit operations of 32 bits hold.
function half(value: number): number {
  return Math.floor(value / 2);
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function isPowerOfTwo(value: number): boolean {
  let left = value;
  while (left > 1 && !isOdd(left)) left /= 2;
  return left === 1;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function allHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((each) => each.length === hashBytes);
}
