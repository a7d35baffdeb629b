import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import fc from "fast-check";

import { Frontier } from "../../../src/audit/tree/frontier.js";
import { emptyRoot, hashBytes, leafHash, nodeHash, verifyConsistency, verifyInclusion } from "../../../src/audit/tree/merkle.js";
import { Proofs } from "../../../src/audit/tree/proofs.js";
import { TileEdge, tileHashes, type TileReader } from "../../../src/audit/tree/tiles.js";

const leaves = Array.from({ length: 70_000 }, (_, index) => leafHash(Buffer.from([index % 251]), Buffer.from(String(index))));

/** MTH of RFC 6962, as the text has it. */
function rootOf(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 0) return createHash("sha256").digest();
  if (hashes.length === 1) return hashes[0]!;
  let left = 1;
  while (left * 2 < hashes.length) left *= 2;
  return createHash("sha256").update(Buffer.from([1])).update(rootOf(hashes.slice(0, left))).update(rootOf(hashes.slice(left))).digest();
}

/** A log's tiles as a storage keeps them. */
class Stored {
  readonly tiles = new Map<string, Uint8Array>();
  edge = new TileEdge();

  constructor(size: number) {
    for (const leaf of leaves.slice(0, size)) this.append(leaf);
  }

  append(leaf: Buffer): void {
    for (const { level, index, hashes } of this.edge.append(leaf)) this.tiles.set(`${level}/${index}`, hashes);
  }

  readonly read: TileReader = async (level, index) => this.tiles.get(`${level}/${index}`);

  get proofs(): Proofs {
    return new Proofs(this.edge.over(this.read));
  }
}

const large = new Stored(leaves.length);

describe("the hashes of the tree", () => {
  it("are those of RFC 6962", () => {
    assert.deepEqual(emptyRoot, createHash("sha256").digest());
    const payload = Buffer.from("payload");
    const salt = Buffer.from("salt");
    assert.deepEqual(leafHash(salt, payload), createHash("sha256").update(Buffer.from([0])).update(salt).update(payload).digest());
    assert.deepEqual(nodeHash(leaves[0]!, leaves[1]!), rootOf(leaves.slice(0, 2)));
  });

  it("are right of payloads of any length", () => {
    for (const length of [0, 65_534, 65_535, 65_536, 200_000, 3]) {
      const payload = Buffer.alloc(length, 7);
      assert.deepEqual(leafHash(Buffer.from([5]), payload), createHash("sha256").update(Buffer.from([0, 5])).update(payload).digest());
    }
  });
});

describe("the frontier", () => {
  it("has the root of every size, also when restored", () => {
    let frontier = new Frontier();
    assert.deepEqual(frontier.root(), emptyRoot);
    for (let size = 1; size <= 70; size++) {
      frontier.append(leaves[size - 1]!);
      frontier = Frontier.restore(size, frontier.serialise());
      assert.equal(frontier.size, size);
      assert.deepEqual(frontier.root(), rootOf(leaves.slice(0, size)));
    }
  });

  it("takes full subtrees instead of their leaves", () => {
    const frontier = new Frontier();
    frontier.appendSubtree(6, rootOf(leaves.slice(0, 64)));
    frontier.appendSubtree(4, rootOf(leaves.slice(64, 80)));
    frontier.append(leaves[80]!);
    assert.deepEqual(frontier.root(), rootOf(leaves.slice(0, 81)));
    assert.throws(() => frontier.appendSubtree(1, leaves[0]!), /multiple of its size/);
  });

  it("refuses bytes of another size", () => {
    assert.throws(() => Frontier.restore(3, Buffer.alloc(hashBytes)), /hash for each bit/);
  });
});

describe("tiles", () => {
  it("are as the example says", () => {
    const { tiles, edge } = large;
    assert.equal(tiles.get("0/272")?.length, tileHashes * hashBytes);
    assert.equal(tiles.has("0/273"), false);
    assert.equal(edge.leaves().length, 112 * hashBytes);
    assert.equal(tiles.get("1/0")?.length, tileHashes * hashBytes);
    assert.equal(tiles.get("1/1")?.length, 17 * hashBytes);
    assert.equal(tiles.get("2/0")?.length, hashBytes);
  });

  it("are restored at any size, and go on as if nothing had been", async () => {
    for (const size of [0, 1, 255, 256, 257, 65_535, 65_536, 65_792, 69_999]) {
      const stored = new Stored(size);
      stored.edge = await TileEdge.restore(size, stored.edge.leaves(), stored.read);
      assert.equal(stored.edge.size, size);
      for (const leaf of leaves.slice(size, size + 300)) stored.append(leaf);
      assert.deepEqual(stored.edge.root(), rootOf(leaves.slice(0, size + 300)), String(size));
      assert.deepEqual(await stored.proofs.root(size), rootOf(leaves.slice(0, size)));
    }
  });

  it("are not restored without what they need", async () => {
    await assert.rejects(TileEdge.restore(300, Buffer.alloc(0), large.read), /leaves behind the last full tile/);
    await assert.rejects(TileEdge.restore(300, Buffer.alloc(44 * hashBytes), async () => undefined), /tile 0 of level 1 is there/);
  });

  it("give proofs of what is kept behind retention, and of nothing else", async () => {
    const boundary = 1_000;
    const kept = tileHashes * Math.floor(boundary / tileHashes);
    const proofs = new Proofs(large.edge.over(async (level, index) => (level === 0 && (index + 1) * tileHashes <= boundary ? undefined : large.read(level, index))));
    const size = 69_000;
    const root = rootOf(leaves.slice(0, size));
    for (const index of [kept, boundary, boundary + 1, size - 1]) {
      assert.ok(verifyInclusion(size, index, leaves[index]!, (await proofs.inclusion(index, size))!, root), String(index));
    }
    for (const earlier of [256, 512, kept, kept + 1, boundary, 4_321]) {
      const path = (await proofs.consistency(earlier, size))!;
      assert.ok(verifyConsistency(earlier, size, rootOf(leaves.slice(0, earlier)), root, path), String(earlier));
    }
    assert.equal(await proofs.inclusion(kept - 1, size), undefined);
    assert.equal(await proofs.consistency(kept - 1, size), undefined);
    assert.deepEqual(await proofs.root(size), root);
  });
});

/** A size, mostly small, and often at the edge of a tile. */
const sizes = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: leaves.length }), fc.constantFrom(1, 255, 256, 257, 65_535, 65_536, 65_537, leaves.length));

describe("proofs from tiles", () => {
  it("of inclusion verify for every leaf of every small tree", async () => {
    for (let size = 1; size <= 20; size++) {
      const root = rootOf(leaves.slice(0, size));
      for (let index = 0; index < size; index++) assert.ok(verifyInclusion(size, index, leaves[index]!, (await large.proofs.inclusion(index, size))!, root));
    }
  });

  it("of consistency verify for every pair of small trees", async () => {
    for (let size = 1; size <= 20; size++) {
      const root = rootOf(leaves.slice(0, size));
      for (let earlier = 1; earlier <= size; earlier++) {
        assert.ok(verifyConsistency(earlier, size, rootOf(leaves.slice(0, earlier)), root, (await large.proofs.consistency(earlier, size))!), `${earlier} of ${size}`);
      }
    }
  });

  it("of inclusion hold, and do not with anything else in their place", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (size, at, which, mask) => {
        const index = at % size;
        const leaf = leaves[index]!;
        const root = (await large.proofs.root(size))!;
        const path = (await large.proofs.inclusion(index, size))!;
        assert.ok(verifyInclusion(size, index, leaf, path, root));
        const changed = changeOne([leaf, root, ...path], which, mask);
        assert.ok(!verifyInclusion(size, index, changed[0]!, changed.slice(2), changed[1]!));
        for (const other of [index + 1, index - 1, size, -1, index + 0.5, NaN]) assert.ok(!verifyInclusion(size, other, leaf, path, root), `index ${other}`);
        for (const other of [index, 0, -size, size + 0.5, Infinity]) assert.ok(other === size || !verifyInclusion(other, index, leaf, path, root), `size ${other}`);
        for (const other of damaged(path)) assert.ok(!verifyInclusion(size, index, leaf, other, root));
      }),
      { numRuns: 150 },
    );
  });

  it("of consistency hold, and do not with anything else in their place", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (size, at, which, mask) => {
        const earlier = 1 + (at % size);
        const root1 = (await large.proofs.root(earlier))!;
        const root2 = (await large.proofs.root(size))!;
        const path = (await large.proofs.consistency(earlier, size))!;
        assert.ok(verifyConsistency(earlier, size, root1, root2, path));
        const changed = changeOne([root1, root2, ...path], which, mask);
        assert.ok(!verifyConsistency(earlier, size, changed[0]!, changed[1]!, changed.slice(2)));
        if (earlier < size) {
          assert.ok(!verifyConsistency(size, earlier, root2, root1, path));
          for (const other of [0, -1, size, size + 1, earlier + 0.5]) assert.ok(!verifyConsistency(other, size, root1, root2, path), `size ${other}`);
        }
        for (const other of damaged(path)) assert.ok(!verifyConsistency(earlier, size, root1, root2, other));
      }),
      { numRuns: 150 },
    );
  });

  it("say nothing about trees that are not there", async () => {
    await assert.rejects(large.proofs.inclusion(5, 5), /a leaf of the tree/);
    await assert.rejects(large.proofs.consistency(6, 5), /not larger/);
    assert.deepEqual(await large.proofs.consistency(0, 5), []);
    assert.ok(!verifyConsistency(0, 5, emptyRoot, rootOf(leaves.slice(0, 5)), []));
    assert.ok(!verifyInclusion(0, 0, leaves[0]!, [], emptyRoot));
  });
});

function changeOne(hashes: readonly Buffer[], which: number, mask: number): Buffer[] {
  const changed = hashes.map((each) => Buffer.from(each));
  const at = which % (hashes.length * hashBytes);
  changed[Math.floor(at / hashBytes)]![at % hashBytes]! ^= mask;
  return changed;
}

/** Too long, too short, turned round, and with hashes that are none. */
function damaged(path: readonly Buffer[]): Buffer[][] {
  const swapped = [...path].reverse();
  return [
    [...path, leaves[0]!],
    [leaves[0]!, ...path],
    [...path, Buffer.alloc(0)],
    ...(path.length > 0 ? [path.slice(1), path.slice(0, -1), [path[0]!.subarray(1), ...path.slice(1)]] : []),
    ...(path.length > 1 ? [swapped] : []),
  ];
}
