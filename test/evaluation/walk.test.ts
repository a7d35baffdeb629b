import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import { evaluate } from "../../src/evaluation/evaluate.js";
import type { Context } from "../../src/model/context.js";
import { parseCheck, parseTuple } from "../../src/model/tuple-text.js";
import type { StoredTuple } from "../../src/model/tuple.js";
import type { ListQuery, TupleKey } from "../../src/storage/store.js";
import { now, world } from "./build.js";
import { MemorySnapshot } from "./memory-snapshot.js";

const groups = `
  definition user {}
  definition group { relation member: user | user:* | group#member; relation banned: user; permission in = member - banned }
  definition folder { relation parent: folder; relation viewer: user | group#in; permission view = viewer + parent->view }
`.replace("user:* | group#member", "group#member");

describe("a walk", () => {
  it("probes the subject's own tuple and lists only usersets and arrow targets", async () => {
    const users = Array.from({ length: 500 }, (_, i) => `folder:a#viewer@user:u${i}`);
    const { ask, snapshot } = world(groups, [...users, "folder:a#viewer@user:ana"]);
    assert.equal((await ask("folder:a#view@user:ana")).value, "allowed");
    assert.ok(snapshot.reads <= 3, `${snapshot.reads} reads`);
    assert.equal((await ask("folder:a#view@user:eve")).value, "denied");
    assert.ok(snapshot.reads <= 8, `${snapshot.reads} reads`);
  });

  it("finds a userset in itself, and through another", async () => {
    const { ask } = world(groups, ["folder:a#viewer@group:g#in", "group:g#member@group:h#member"]);
    assert.equal((await ask("group:g#in@group:g#in")).value, "allowed");
    assert.equal((await ask("folder:a#view@group:g#in")).value, "allowed");
    assert.equal((await ask("group:g#member@group:h#member")).value, "allowed");
    assert.equal((await ask("group:h#member@group:g#member")).value, "denied");
  });

  it("does not take a wildcard for a userset, nor for another type", async () => {
    const { ask } = world("definition user {} definition bot {} definition doc { relation viewer: user:* | bot }", ["doc:1#viewer@user:*"]);
    assert.equal((await ask("doc:1#viewer@user:anyone")).value, "allowed");
    assert.equal((await ask("doc:1#viewer@bot:b")).value, "denied");
    assert.equal((await ask("doc:2#viewer@user:anyone")).value, "denied");
  });

  it("counts an expired tuple as absent from its instant on, and says until when an answer holds", async () => {
    const text = "use expiration; definition user {} definition doc { relation viewer: user with expiration }";
    const { ask } = world(text, ["doc:1#viewer@user:ana[expiration:2030-01-01T00:00:01Z]"]);
    const before = await ask("doc:1#viewer@user:ana");
    assert.equal(before.value, "allowed");
    assert.equal(before.until, now + 1_000);
    assert.equal((await ask("doc:1#viewer@user:ana", {}, now + 999)).value, "allowed");
    assert.equal((await ask("doc:1#viewer@user:ana", {}, now + 1_000)).value, "denied");
  });

  it("hides a stored tuple behind a contextual one of the same identity", async () => {
    const text = "use expiration; definition user {} definition doc { relation viewer: user | user with expiration }";
    const { ask } = world(text, ["doc:1#viewer@user:ana"]);
    const expired = parseTuple("doc:1#viewer@user:ana[expiration:2020-01-01T00:00:00Z]");
    assert.equal((await ask("doc:1#viewer@user:ana", { contextualTuples: [expired] })).value, "denied");
  });

  it("hides a stored userset and a stored arrow target in the same way", async () => {
    const text = "use expiration; definition user {} definition group { relation member: user } definition doc { relation parent: doc | doc with expiration; relation viewer: group#member | group#member with expiration | user; permission view = viewer + parent->view }";
    const { ask } = world(text, ["group:g#member@user:ana", "doc:1#viewer@group:g#member", "doc:2#viewer@user:ana", "doc:3#parent@doc:2"]);
    const ended = (tuple: string) => ({ contextualTuples: [parseTuple(`${tuple}[expiration:2020-01-01T00:00:00Z]`)] });
    assert.equal((await ask("doc:1#view@user:ana")).value, "allowed");
    assert.equal((await ask("doc:1#view@user:ana", ended("doc:1#viewer@group:g#member"))).value, "denied");
    assert.equal((await ask("doc:3#view@user:ana")).value, "allowed");
    assert.equal((await ask("doc:3#view@user:ana", ended("doc:3#parent@doc:2"))).value, "denied");
  });

  it("keeps contextual tuples to the question that brought them", async () => {
    const { ground } = world(groups, []);
    const question = parseCheck("folder:a#view@user:ana");
    const tuple = parseTuple("folder:a#viewer@user:ana");
    const [before, withTuple, after] = await evaluate([question, { ...question, contextualTuples: [tuple] }, question], ground);
    assert.deepEqual([before?.value, withTuple?.value, after?.value], ["denied", "allowed", "denied"]);
  });

  it("keeps contexts apart in one batch", async () => {
    const text = "caveat on(x bool) { x } definition user {} definition doc { relation viewer: user with on }";
    const { ground } = world(text, ["doc:1#viewer@user:ana[on]"]);
    const question = parseCheck("doc:1#viewer@user:ana");
    const contexts: Context[] = [{ x: true }, { x: false }, {}, { x: true }];
    const answers = await evaluate(contexts.map((context) => ({ ...question, context })), ground);
    assert.deepEqual(answers.map(({ value }) => value), ["allowed", "denied", "conditional", "allowed"]);
  });

  it("is undecided, with a code, where a condition fails, unless another branch decides", async () => {
    const text = "caveat broken(x int, y int) { x / y == 1 } definition user {} definition doc { relation viewer: user with broken; relation owner: user; permission view = viewer + owner; permission both = viewer & owner }";
    const { ask } = world(text, ['doc:1#viewer@user:ana[broken:{"x":1,"y":0}]', 'doc:2#viewer@user:ana[broken:{"x":1,"y":0}]', "doc:2#owner@user:ana"]);
    const alone = await ask("doc:1#view@user:ana");
    assert.equal(alone.value, "undecided");
    assert.equal(alone.error?.code, "condition_failed");
    assert.equal((await ask("doc:2#view@user:ana")).value, "allowed");
    assert.equal((await ask("doc:1#both@user:ana")).value, "denied");
  });
});

describe("a walk over lists", () => {
  it("is undecided where a list is too long, so that an exclusion of it does not allow", async () => {
    const text = "definition user {} definition group { relation member: user } definition doc { relation owner: user; relation banned: group#member; permission view = owner - banned }";
    const { ground } = world(text, ["doc:1#owner@user:ana"]);
    const snapshot = Object.assign(new MemorySnapshot(["doc:1#owner@user:ana"].map(parseTuple)), { list: endless });
    const [answer] = await evaluate([parseCheck("doc:1#view@user:ana")], { ...ground, snapshot });
    assert.equal(answer?.value, "undecided");
    assert.equal(answer.error?.code, "evaluation_too_large");
  });

  it("that `all` was denied by a tuple which expires holds until then", async () => {
    const text = "use expiration; definition user {} definition folder { relation viewer: user } definition doc { relation parent: folder | folder with expiration; permission view = parent.all(viewer) }";
    const { ask } = world(text, ["doc:1#parent@folder:a", "folder:a#viewer@user:ana", "doc:1#parent@folder:b[expiration:2030-01-01T00:00:01Z]"]);
    const before = await ask("doc:1#view@user:ana");
    assert.deepEqual([before.value, before.until], ["denied", now + 1_000]);
    assert.equal((await ask("doc:1#view@user:ana", {}, now + 1_000)).value, "allowed");
  });
});

/** A list of usersets that has no end. */
async function endless(_tenant: number, { limit }: ListQuery): Promise<{ tuples: StoredTuple[]; next: TupleKey }> {
  const tuple = { ...parseTuple("doc:1#banned@group:g#member"), since: 1 };
  return { tuples: new Array<StoredTuple>(limit).fill(tuple), next: tuple };
}

describe("cycles", () => {
  const mutual = "definition user {} definition group { relation member: user | group#member }";

  it("end: mutually nested groups hold what any of them holds", async () => {
    const names = Array.from({ length: 11 }, (_, i) => `g${i}`);
    const tuples = names.flatMap((a) => names.map((b) => `group:${a}#member@group:${b}#member`));
    const { ask } = world(mutual, [...tuples, "group:g10#member@user:ana"]);
    assert.equal((await ask("group:g0#member@user:ana")).value, "allowed");
    assert.equal((await ask("group:g0#member@user:eve")).value, "denied");
  });

  it("that reach the depth bound along every way come to an end, and hold whom they hold", async () => {
    const names = Array.from({ length: 40 }, (_, i) => `g${i}`);
    const tuples = names.flatMap((a) => names.map((b) => `group:${a}#member@group:${b}#member`));
    const { ask } = world(mutual, [...tuples, "group:g39#member@user:ana"], { depthMax: 20 });
    assert.equal((await ask("group:g0#member@user:ana")).value, "allowed");
    assert.equal((await ask("group:g0#member@user:eve")).error?.code, "depth_exceeded");
  });

  it("leave a conclusion from `denied` no stronger than it is, where a bound makes it undecided", async () => {
    const text = "definition user {} definition group { relation member: user | group#in; relation banned: user; permission in = member - banned }";
    const chain = Array.from({ length: 8 }, (_, i) => `group:c${i}#member@group:c${i + 1}#in`);
    // Whether eve is in a rests on the chain, which is cut; b, which is walked meanwhile, rests on a.
    const { ground } = world(text, ["group:a#member@group:b#in", "group:b#member@group:a#in", "group:a#member@group:c0#in", ...chain], { depthMax: 6 });
    const answers = await evaluate(["a", "b"].map((id) => parseCheck(`group:${id}#in@user:eve`)), ground);
    assert.deepEqual(answers.map(({ value }) => value), ["undecided", "undecided"]);
  });

  it("through the right side of an exclusion are an error, unless a branch decides", async () => {
    const text = "definition user {} definition doc { relation a: user; relation b: doc#x; permission x = a - b }";
    const { ask } = world(text, ["doc:1#a@user:ana", "doc:1#b@doc:1#x"]);
    const answer = await ask("doc:1#x@user:ana");
    assert.equal(answer.value, "undecided");
    assert.equal(answer.error?.code, "cycle_through_exclusion");
    assert.equal((await ask("doc:1#x@user:eve")).value, "denied");
  });

  it("leave undecided only what is: a part that was, seen from another, may not be when asked for itself", async () => {
    const text = (x: string) => `
      caveat on(c bool) { c }
      definition user {}
      definition doc { relation a: user; relation d: user; relation r: user | user with on; relation b: doc#x; relation z: doc#x; permission y = a - b; permission x = ${x} }`;
    const valuesOf = async (schema: string, tuples: string[]) => {
      const { ground } = world(schema, ["doc:1#a@user:ana", "doc:1#b@doc:1#x", ...tuples]);
      const answers = await evaluate(["x", "y"].map((permission) => parseCheck(`doc:1#${permission}@user:ana`)), ground);
      return answers.map(({ value }) => value);
    };
    assert.deepEqual(await valuesOf(text("y + r"), ["doc:1#r@user:ana"]), ["allowed", "denied"]);
    assert.deepEqual(await valuesOf(text("(y & d) + r + z"), ["doc:1#r@user:ana[on]", "doc:1#z@doc:1#x"]), ["conditional", "conditional"]);
  });

  it("through many exclusions come to an end", async () => {
    const text = "definition user {} definition doc { relation a: user; relation b: doc#x; permission x = a - b }";
    const names = Array.from({ length: 12 }, (_, i) => `d${i}`);
    const tuples = names.flatMap((a) => [`doc:${a}#a@user:ana`, ...names.map((b) => `doc:${a}#b@doc:${b}#x`)]);
    const { ask } = world(text, tuples);
    assert.equal((await ask("doc:d0#x@user:ana")).value, "undecided");
  });
});

describe("the depth bound", () => {
  const chain = (length: number) => Array.from({ length }, (_, i) => `folder:f${i}#parent@folder:f${i + 1}`);

  it("lets a walk go as deep as it says, and no deeper", async () => {
    const deepest = (length: number) => world(groups, [...chain(length), `folder:f${length}#viewer@user:ana`], { depthMax: 10 }).ask("folder:f0#view@user:ana");
    assert.equal((await deepest(10)).value, "allowed");
    const beyond = await deepest(11);
    assert.equal(beyond.value, "undecided");
    assert.equal(beyond.error?.code, "depth_exceeded");
  });

  it("holds whatever was asked before: a sub-result does not carry a walk past it, nor a cut one spoil another", async () => {
    const { ground } = world(groups, [...chain(15), "folder:f15#viewer@user:ana"], { depthMax: 10 });
    const ask = (folders: number[]) => evaluate(folders.map((i) => parseCheck(`folder:f${i}#view@user:ana`)), ground);
    const forwards = (await ask([0, 3, 5, 10])).map(({ value }) => value);
    const backwards = (await ask([10, 5, 3, 0])).map(({ value }) => value);
    assert.deepEqual(forwards, ["undecided", "undecided", "allowed", "allowed"]);
    assert.deepEqual(backwards, [...forwards].reverse());
    // `f10` is known for good, five deep, before the walk from `f3` comes to it at depth seven.
    assert.deepEqual((await ask([10, 3])).map(({ value }) => value), ["allowed", "undecided"]);
  });

  it("is generous by default", async () => {
    const { ask } = world(groups, [...chain(limits.depthMax), `folder:f${limits.depthMax}#viewer@user:ana`]);
    assert.equal((await ask("folder:f0#view@user:ana")).value, "allowed");
  });
});

describe("a long walk", () => {
  /** A clock that goes on by a millisecond whenever it is looked at: the walk pauses as often as it can. */
  function hasty(): { timer: () => number; looks: () => number } {
    let looks = 0;
    return { timer: () => ++looks, looks: () => looks };
  }

  it("goes on from what it knows: each condition is evaluated once, however often it pauses", async () => {
    const text = "caveat on(x int) { x > 0 } definition user {} definition group { relation member: user } definition doc { relation viewer: group#member with on }";
    const count = 300;
    const { ground } = world(text, Array.from({ length: count }, (_, i) => `doc:1#viewer@group:g${i}#member[on]`));
    const { timer, looks } = hasty();
    const [answer] = await evaluate([{ ...parseCheck("doc:1#viewer@user:ana"), context: { x: 1 } }], ground, undefined, timer);
    assert.equal(answer?.value, "denied");
    assert.ok(looks() < 20 * count, `${looks()} looks at the clock`);
  });

  it("along a chain of permissions that the stack would not bear is undecided, with a code, unless another branch decides", async () => {
    const links = Array.from({ length: limits.walkNestingMax }, (_, i) => `permission p${i + 1} = p${i}`);
    const text = `definition user {} definition doc { relation viewer: user; relation nobody: user; permission p0 = viewer; ${links.join("; ")}; permission none = nobody & p${links.length} }`;
    const { ask } = world(text, ["doc:1#viewer@user:ana"]);
    for (const explain of [false, true]) {
      assert.equal((await ask(`doc:1#p${links.length}@user:ana`, { explain })).error?.code, "evaluation_too_large");
      assert.equal((await ask(`doc:1#p${links.length / 4}@user:ana`, { explain })).value, "allowed");
    }
    assert.equal((await ask("doc:1#none@user:ana")).value, "denied");
  });
});

describe("a cancelled evaluation", () => {
  it("ends with the signal's reason", async () => {
    const { ground } = world(groups, ["folder:a#parent@folder:b"]);
    const controller = new AbortController();
    const answer = evaluate([parseCheck("folder:a#view@user:ana")], ground, controller.signal);
    controller.abort();
    await assert.rejects(answer, { code: "cancelled" });
  });
});
