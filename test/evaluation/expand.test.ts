import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import { expand } from "../../src/evaluation/expand.js";
import type { ExpandNode } from "../../src/model/service.js";
import { formatSubject } from "../../src/model/subject.js";
import { parseTuple } from "../../src/model/tuple-text.js";
import { world } from "./build.js";
import { MemorySnapshot } from "./memory-snapshot.js";

const text = `
  use expiration
  use self
  caveat office(hour int) { hour >= 9 }
  definition user { permission me = self }
  definition group { relation member: user | group#member }
  definition folder { relation parent: folder; relation viewer: user | user:* | group#member | user with office | user with expiration; relation banned: user
    permission view = (viewer + parent->view) - banned
    permission everywhere = parent.all(view) & viewer
    permission nobody = nil }
`;

function shape(node: ExpandNode): unknown {
  const name = `${node.kind} ${node.object.id}#${node.member}`;
  if (node.kind !== "leaf") return [name, ...node.children.map(shape)];
  return [name, ...node.subjects.map((found) => (found.expanded ? [formatSubject(found.subject), shape(found.expanded)] : formatSubject(found.subject)))];
}

describe("an expansion", () => {
  const tuples = [
    "folder:a#parent@folder:b",
    "folder:a#viewer@user:ana",
    "folder:b#viewer@group:g#member",
    "folder:b#viewer@user:*",
    "folder:b#viewer@user:old[expiration:2020-01-01T00:00:00Z]",
    'folder:b#viewer@user:bob[office:{"hour":8}]',
    "folder:b#viewer@user:new[expiration:2040-01-01T00:00:00Z]",
    "group:g#member@user:cat",
    "group:g#member@group:g#member",
    "folder:a#banned@user:mallory",
  ];
  const { ground } = world(text, tuples);
  const tree = (object: string, member: string, deep: boolean) => expand({ type: "folder", id: object }, member, deep, ground);

  it("one level deep leaves usersets and arrow targets as they are", async () => {
    assert.deepEqual(shape(await tree("a", "view", false)), [
      "exclusion a#view",
      ["union a#view", ["leaf a#viewer", "user:ana"], ["leaf a#parent->view", "folder:b#view"]],
      ["leaf a#banned", "user:mallory"],
    ]);
  });

  it("to the leaves follows them, and stops where it would repeat itself", async () => {
    assert.deepEqual(shape(await tree("b", "viewer", true)), [
      "leaf b#viewer",
      ["group:g#member", ["leaf g#member", "group:g#member", "user:cat"]],
      "user:*",
      "user:bob",
      "user:new",
    ]);
  });

  it("shows conditions and expirations, and leaves out what has expired", async () => {
    const { subjects } = await tree("b", "viewer", false);
    assert.deepEqual(subjects.find(({ subject }) => subject.id === "bob")?.condition, { name: "office", context: { hour: 8 } });
    assert.equal(subjects.find(({ subject }) => subject.id === "new")?.expiresAt, Date.parse("2040-01-01T00:00:00Z"));
    assert.equal(subjects.find(({ subject }) => subject.id === "old"), undefined);
  });

  it("shows `.all()` as an intersection, nobody as an empty leaf, an object as itself", async () => {
    assert.deepEqual(shape(await tree("a", "everywhere", false)), ["intersection a#everywhere", ["intersection a#parent.all(view)", ["leaf a#parent.all(view)", "folder:b#view"]], ["leaf a#viewer", "user:ana"]]);
    assert.deepEqual(shape(await tree("b", "everywhere", false)), ["intersection b#everywhere", ["leaf b#parent.all(view)"], ["leaf b#viewer", "group:g#member", "user:*", "user:bob", "user:new"]]);
    assert.deepEqual(shape(await tree("a", "nobody", false)), ["leaf a#nil"]);
    assert.deepEqual(shape(await expand({ type: "user", id: "ana" }, "me", false, ground)), ["leaf ana#self", "user:ana"]);
  });

  it("is bounded in nodes and subjects together", async () => {
    const ofUsers = (count: number) => {
      const users = Array.from({ length: count }, (_, i) => parseTuple(`folder:a#viewer@user:u${i}`));
      return expand({ type: "folder", id: "a" }, "viewer", false, { ...ground, snapshot: new MemorySnapshot(users, limits.pageTuplesMax) });
    };
    assert.equal((await ofUsers(limits.expandNodesMax - 1)).subjects.length, limits.expandNodesMax - 1);
    await assert.rejects(ofUsers(limits.expandNodesMax), { code: "evaluation_too_large" });
  });

  it("ends when it is cancelled", async () => {
    await assert.rejects(expand({ type: "folder", id: "a" }, "view", true, ground, AbortSignal.abort()), { code: "cancelled" });
  });
});
