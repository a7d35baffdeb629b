import assert from "node:assert/strict";
import { limits } from "../../../src/base/limits.js";
import { Leaf, type ListLeaf, type ProbeLeaf } from "../../../src/evaluation/cache/leaf.js";
import { changed, Lists } from "../../../src/evaluation/cache/lists.js";
import { listKind, tooMany } from "../../../src/evaluation/reads.js";
import { parseTuple } from "../../../src/model/tuple-text.js";

const tuple = (text: string) => ({ ...parseTuple(text), since: 1 });
const inA = tuple("document:1#viewer@group:a#member");
const inB = tuple("document:1#viewer@group:b#member");

describe("a leaf", () => {
  it("takes what a snapshot holds, unless a later commit has touched the key", () => {
    const leaf: ProbeLeaf = new Leaf();
    leaf.change(null, 5);
    assert.equal(leaf.fill(inA, 4), false, "overtaken");
    assert.equal(leaf.value, null);
    assert.equal(leaf.fill(inA, 5), true, "the snapshot has seen the commit");
    assert.equal(leaf.value, inA);
    assert.equal(leaf.changedAt, 5, "what was loaded is no change");
  });

  it("weighs what it holds, a long context above all", () => {
    const leaf: ProbeLeaf = new Leaf();
    const empty = leaf.bytes;
    leaf.fill(inA, 1);
    assert.ok(leaf.bytes > empty);
    leaf.fill({ ...inA, condition: { name: "on", context: { text: "x".repeat(60_000) } } }, 1);
    assert.ok(leaf.bytes > 60_000);
  });
});

describe("lists", () => {
  it("of one relation are told of the tuples of their kind, and of no others", () => {
    const lists = new Lists();
    const members = lists.of(listKind("group", "member"));
    const all = lists.of(listKind("group"));
    const managers = lists.of(listKind("group", "manager"));
    for (const leaf of [members, all, managers]) leaf.fill([], 1);
    lists.change(inA, true, 2);
    assert.deepEqual([members.value, all.value, managers.value], [[inA], [inA], []]);
    assert.deepEqual([members.changedAt, all.changedAt, managers.changedAt], [2, 2, 0]);
    assert.equal(lists.of(listKind("group", "member")), members);
  });

  it("that are being loaded are told as well, so that what comes of it is not taken for the present", () => {
    const lists = new Lists();
    const leaf = lists.of(listKind("group"));
    lists.change(inA, true, 2);
    assert.equal(leaf.fill([], 1), false);
    assert.equal(leaf.value, undefined);
  });

  it("are new ones after a change: who holds the old one reads on in it", () => {
    const before = [inA];
    assert.deepEqual(changed(before, inB, true, 10), [inA, inB]);
    assert.deepEqual(changed(before, inA, false, 10), []);
    assert.deepEqual(changed(before, inB, false, 10), [inA], "what is not there is not taken away");
    assert.deepEqual(before, [inA]);
  });

  it("replace a tuple of the same identity", () => {
    const later = { ...inA, expiresAt: 9 };
    assert.deepEqual(changed([inA, inB], later, true, 2), [later, inB]);
  });

  it("that grow past their bound are too many, and are loaded anew once they may not be", () => {
    assert.deepEqual(changed([inA], inB, true, 2), [inA, inB]);
    assert.equal(changed([inA], inB, true, 1), tooMany);
    assert.equal(changed(tooMany, inA, false, 1), undefined);
    assert.equal(changed(undefined, inA, true, 1), undefined);
  });

  it("hold as many as a walk may list, and no more", () => {
    const lists = new Lists();
    const leaf: ListLeaf = lists.of(listKind("group"));
    leaf.fill(new Array(limits.listTuplesMax - 1).fill(inA), 1);
    lists.change(inB, true, 2);
    assert.ok(Array.isArray(leaf.value) && leaf.value.length === limits.listTuplesMax);
    lists.change(tuple("document:1#viewer@group:c#member"), true, 3);
    assert.equal(leaf.value, tooMany);
  });
});
