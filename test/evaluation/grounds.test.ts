import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import type { Answer } from "../../src/evaluation/answer.js";
import { groundsOf, wasRemembered } from "../../src/evaluation/grounds.js";
import { head, now } from "./head.js";

const documents = `
caveat at_work(place string) { place == "work" }
definition user {}
definition group { relation member: user | group#member }
definition folder { relation viewer: user | group#member; permission view = viewer }
definition document {
  relation parent: folder; relation viewer: user | user with at_work; relation approved: user; relation banned: user | group#member
  permission view = viewer + parent->view
  permission read = view & approved
  permission edit = view - banned
}`;

/** Many relations, so that a result of one of them is worth keeping for others. */
const many = Array.from({ length: 24 }, (_, i) => `r${i}`);
const wide = `
definition user {}
definition group { relation member: user }
definition folder { ${many.map((name) => `relation ${name}: group#member`).join("; ")}; permission view = ${many.join(" + ")} }
definition document { relation parent: folder; permission view = parent->view }`;

function world(schema: string, tuples: readonly string[]) {
  const { ask: _, ...rest } = head(schema, tuples);
  const ask = async (check: string, extra: Parameters<typeof rest.askAll>[1] = {}) => (await rest.askAll([check], extra)).answers[0] as Answer;
  return { ...rest, ask, grounds: async (check: string, extra?: Parameters<typeof ask>[1]) => groundsOf(await ask(check, extra)) };
}

describe("the grounds of an answer", () => {
  it("are the tuples that grant it, from the object to the subject", async () => {
    const { grounds } = world(documents, ["document:1#parent@folder:a", "folder:a#viewer@group:eng#member", "group:eng#member@group:web#member", "group:web#member@user:ana", "document:1#viewer@user:bob"]);
    assert.deepEqual(await grounds("document:1#view@user:ana"), ["document:1#parent@folder:a", "folder:a#viewer@group:eng#member", "group:eng#member@group:web#member", "group:web#member@user:ana"]);
    assert.deepEqual(await grounds("document:1#view@user:bob"), ["document:1#viewer@user:bob"]);
  });

  it("are those of all operands of an intersection", async () => {
    const { grounds } = world(documents, ["document:1#viewer@user:ana", "document:1#approved@user:ana"]);
    assert.deepEqual(await grounds("document:1#read@user:ana"), ["document:1#viewer@user:ana", "document:1#approved@user:ana"]);
  });

  it("name what an intersection stopped at, what excluded, what had expired, and whose condition did not hold", async () => {
    const expired = `document:3#viewer@user:ana[expiration:${new Date(now).toISOString()}]`;
    const { grounds } = world(documents, [
      "document:1#viewer@user:ana", "document:1#banned@group:out#member", "group:out#member@user:ana", "document:2#viewer@user:ana[at_work]", expired,
    ]);
    assert.deepEqual(await grounds("document:1#read@user:ana"), ["document:1#approved"]);
    assert.deepEqual(await grounds("document:1#edit@user:ana"), ["document:1#banned@group:out#member", "group:out#member@user:ana"]);
    assert.deepEqual(await grounds("document:2#view@user:ana", { context: { place: "home" } }), ["document:2#viewer@user:ana[at_work]"]);
    assert.deepEqual(await grounds("document:3#view@user:ana"), [expired]);
  });

  it("are none where nothing grants it, and where it is not known", async () => {
    const { ask, grounds } = world(documents, ["document:1#viewer@user:ana[at_work]"]);
    assert.deepEqual(await grounds("document:1#view@user:bob"), []);
    assert.equal((await ask("document:1#view@user:ana")).value, "conditional");
    assert.deepEqual(await grounds("document:1#view@user:ana"), []);
    assert.deepEqual(await grounds("document:9#edit@user:ana"), []);
  });

  it("do not turn over with an exclusion: what was in the way of the one does not grant the other", async () => {
    const { grounds } = world(
      `definition user {}
       definition document { relation viewer: user; relation banned: user; relation pardoned: user; permission out = banned - pardoned; permission view = viewer - out }`,
      ["document:1#viewer@user:ana", "document:1#banned@user:ana", "document:1#pardoned@user:ana"],
    );
    assert.deepEqual(await grounds("document:1#view@user:ana"), ["document:1#viewer@user:ana"]);
    assert.deepEqual(await grounds("document:1#out@user:ana"), ["document:1#pardoned@user:ana"]);
  });

  it("are as of now where what an answer is built on came to the same by other tuples", async () => {
    const { ask, grounds, remove } = world(wide, ["document:1#parent@folder:a", "folder:a#r20@group:g#member", "folder:a#r22@group:g#member", "group:g#member@user:ana"]);
    assert.deepEqual(await grounds("document:1#view@user:ana"), ["document:1#parent@folder:a", "folder:a#r20@group:g#member", "group:g#member@user:ana"]);
    remove(["folder:a#r20@group:g#member"]);
    assert.deepEqual(await grounds("folder:a#view@user:ana"), ["folder:a#r22@group:g#member", "group:g#member@user:ana"]);
    const again = await ask("document:1#view@user:ana");
    assert.ok(wasRemembered(again), "its own result was not touched");
    assert.deepEqual(groundsOf(again), ["document:1#parent@folder:a", "folder:a#r22@group:g#member", "group:g#member@user:ana"]);
  });

  it("say of a remembered answer what they said when it was found", async () => {
    const { ask } = world(wide, ["document:1#parent@folder:a", "folder:a#r20@group:g#member", "group:g#member@user:ana"]);
    const [first, second] = [await ask("document:1#view@user:ana"), await ask("document:1#view@user:ana")];
    assert.deepEqual([wasRemembered(first), wasRemembered(second)], [false, true]);
    assert.deepEqual(groundsOf(second), groundsOf(first));
  });

  it("are told up to a bound", async () => {
    const names = Array.from({ length: limits.auditGroundsMax + 1 }, (_, i) => `r${i}`);
    const schema = (count: number) => `definition user {}\ndefinition document { ${names.map((name) => `relation ${name}: user`).join("; ")}; permission view = ${names.slice(0, count).join(" & ")} }`;
    const tuples = names.map((name) => `document:1#${name}@user:ana`);
    assert.deepEqual(await world(schema(names.length - 1), tuples).grounds("document:1#view@user:ana"), tuples.slice(0, -1));
    assert.deepEqual(await world(schema(names.length), tuples).grounds("document:1#view@user:ana"), tuples.slice(0, -1));
  });
});
