import assert from "node:assert/strict";

import { limits } from "../../../src/base/limits.js";
import { UsherError } from "../../../src/base/errors.js";
import type { HeldSet, SetChange } from "../../../src/client/guard/held-set.js";
import type { LookupHold, MemberState } from "../../../src/model/live.js";
import { FakeStream, instant, setUpLeased } from "./fake-live.js";
import { settle } from "./fake-time.js";

type Row = Partial<MemberState> & Pick<MemberState, "member">;

function lookupsOf(stream: FakeStream): LookupHold[] {
  return stream.of("lookup").flatMap(({ lookups }) => lookups);
}

/** Says how members of the lookup that was asked for last stand. */
async function members(stream: FakeStream, ...rows: readonly Row[]): Promise<void> {
  const id = lookupsOf(stream).at(-1)?.id ?? 0;
  await stream.say({ kind: "members", zookie: "z2", instant, members: rows.map((row) => ({ id, allowed: true, missingFields: [], ...row })) });
}

function listen(set: HeldSet): string[] {
  const heard: string[] = [];
  const note = (sign: string) => ({ id, cause }: SetChange) => heard.push(`${sign}${id} ${cause?.kind ?? "lease"}`);
  set.on("added", note("+")).on("removed", note("-"));
  return heard;
}

/** A guard with a set of whom the fake server tells at once. */
async function setUpSet(kind: "objects" | "subjects", ...rows: readonly Row[]) {
  const all = await setUpLeased();
  const asked = kind === "objects" ? all.guard.holdObjects("document", "view", "user:ana") : all.guard.holdSubjects("room:1", "enter", "user");
  await settle();
  await members(all.live.stream, ...rows);
  await all.live.stream.lease();
  const set = await asked;
  return { ...all, set, heard: listen(set) };
}

const denied = { allowed: false } as const;
const tuple = { kind: "tuple", zookie: "z2" } as const;

describe("a held set", () => {
  it("is had once a checkpoint covers it, and follows what it is told", async () => {
    const all = await setUpLeased();
    let had: HeldSet | undefined;
    const asked = all.guard.holdObjects("document", "view", "user:ana", { contextName: "office", context: { hour: 9 } }).then((set) => (had = set));
    await settle();
    assert.deepEqual(lookupsOf(all.live.stream), [{ id: 1, what: { kind: "objects", type: "document", permission: "view", subject: { type: "user", id: "ana", relation: "" } }, contextName: "office", context: { hour: 9 } }]);
    await members(all.live.stream, { member: "1" }, { member: "2", allowed: false, missingFields: ["hour"] });
    assert.equal(had, undefined, "nothing says that this is all");
    await all.live.stream.lease();
    const set = await asked;
    const heard = listen(set);
    assert.deepEqual([set.has("1"), set.has("2"), set.has("3")], [true, false, false]);
    assert.deepEqual(set.ids(), ["1"]);
    await members(all.live.stream, { member: "3", cause: tuple }, { member: "1", ...denied, cause: { kind: "schema", zookie: "z3" } });
    assert.deepEqual([set.ids(), set.has("1")], [["3"], false]);
    assert.deepEqual(heard, ["+3 tuple", "-1 schema"]);
  });

  it("runs listeners of a removal before it acknowledges the checkpoint", async () => {
    const { live, set } = await setUpSet("objects", { member: "1" });
    const acknowledged = () => live.stream.of("acknowledge").length;
    const before = acknowledged();
    let seen: number | undefined;
    set.on("removed", () => {
      assert.equal(set.has("1"), false);
      seen = acknowledged();
    });
    await live.stream.say(
      { kind: "members", zookie: "z2", instant, members: [{ id: 1, member: "1", ...denied, missingFields: [], cause: tuple }] },
      { kind: "checkpoint", zookie: "z2", instant },
    );
    assert.deepEqual([seen, acknowledged()], [before, before + 1]);
  });

  it("is empty when the lease ends, and right again when there is one", async () => {
    const { time, live, guard, set, heard } = await setUpSet("objects", { member: "1" }, { member: "2" });
    await time.pass(10_001);
    await settle();
    assert.deepEqual([set.has("1"), set.ids(), set.reason, set.signal.aborted], [false, [], "lapsed", true]);
    assert.equal((set.signal.reason as UsherError).code, "lease_lapsed");
    assert.deepEqual(heard, ["-1 lease", "-2 lease"]);
    await members(live.stream, { member: "2", ...denied, cause: tuple });
    assert.deepEqual(heard.length, 2, "nobody was in it");
    await live.stream.lease();
    assert.deepEqual([set.has("1"), set.ids(), set.reason], [true, ["1"], undefined]);
    assert.deepEqual(heard.slice(2), ["+1 lease"]);
    assert.equal(guard.isReady, true);
  });

  it("is empty as soon as a clock says that the lease has ended, whether a timer fired or not", async () => {
    const { time, set } = await setUpSet("objects", { member: "1" });
    time.wall += 10_001;
    assert.deepEqual([set.has("1"), set.ids()], [false, []]);
  });

  it("ends a member with its validity, and tells of it with the checkpoint that passes it", async () => {
    const { time, live, set, heard } = await setUpSet("objects", { member: "1", validForMs: 1_000 });
    assert.equal(set.has("1"), true);
    await time.pass(1_000);
    assert.equal(set.has("1"), false);
    await live.stream.say({ kind: "checkpoint", zookie: "z2", instant: instant + 1_000 });
    assert.deepEqual(heard, ["-1 time"]);
  });

  it("keeps its members when the stream breaks, and takes what the next one tells for all", async () => {
    const { time, live, set, heard } = await setUpSet("objects", { member: "1" }, { member: "2" });
    await live.stream.end(new UsherError("server_unreachable", "gone"));
    assert.deepEqual(set.ids(), ["1", "2"]);
    await time.pass(200);
    await settle();
    assert.equal(live.streams.length, 2);
    await live.stream.open("s2");
    assert.equal(lookupsOf(live.stream).length, 1);
    await members(live.stream, { member: "2" }, { member: "3" });
    assert.deepEqual(set.ids().sort(), ["1", "2", "3"], "the lease of the stream before still holds");
    await live.stream.lease();
    assert.deepEqual(set.ids().sort(), ["2", "3"]);
    assert.deepEqual(heard, ["+3 resume", "-1 resume"]);
  });

  it("knows nothing of what was told before a lapse when it comes back", async () => {
    const { time, live, set } = await setUpSet("objects", { member: "1" });
    await live.stream.end(new UsherError("server_unreachable", "gone"));
    await time.pass(10_001);
    await settle();
    await live.stream.open("s2");
    await live.stream.lease();
    assert.deepEqual([set.has("1"), set.ids(), set.reason], [false, [], undefined]);
  });

  it("is told that the server does not keep it, and denies", async () => {
    const { live, set, heard } = await setUpSet("objects", { member: "1" });
    await live.stream.say({ kind: "refused", refused: [{ id: 1, code: "evaluation_too_large", message: "too many" }] });
    assert.deepEqual([set.has("1"), set.ids(), set.reason], [false, [], "refused"]);
    assert.deepEqual(heard, ["-1 lease"]);
    assert.equal((set.signal.reason as UsherError).code, "evaluation_too_large");
    await live.stream.lease();
    assert.deepEqual([set.has("1"), heard.length], [false, 1]);
  });

  it("is not had where the server refuses it", async () => {
    const { guard, live } = await setUpLeased();
    const asked = guard.holdSubjects("room:1", "enter", "user", { subjectRelation: "" });
    const failed = assert.rejects(asked, (error: UsherError) => error.code === "unknown_relation" && error.details?.object === "room:1" && error.details.why === "refused");
    await settle();
    await live.stream.say({ kind: "refused", refused: [{ id: 1, code: "unknown_relation", message: "there is none" }] });
    await failed;
    await assert.rejects(guard.holdObjects("document", "view", "user:*"), { code: "invalid_request" });
    await assert.rejects(guard.holdObjects("Doc!", "view", "user:ana"), { code: "invalid_name" });
  });

  it("is given back, denies at once, and says nothing more", async () => {
    const { live, set, heard } = await setUpSet("objects", { member: "1" });
    set.release();
    set.release();
    await settle();
    assert.deepEqual([set.has("1"), set.ids(), set.reason], [false, [], "released"]);
    assert.deepEqual(live.stream.of("release"), [{ kind: "release", ids: [1] }]);
    await members(live.stream, { member: "2" });
    assert.deepEqual([heard, set.signal.aborted], [[], false]);
  });

  it("ends with its guard", async () => {
    const { guard, set, heard } = await setUpSet("objects", { member: "1" });
    guard.close();
    assert.deepEqual([set.has("1"), set.ids(), set.reason, heard], [false, [], "closed", ["-1 lease"]]);
    assert.equal((set.signal.reason as UsherError).code, "closed");
    await assert.rejects(guard.holdObjects("document", "view", "user:ana"), { code: "closed" });
  });

  it("gives up on what is not answered in time, and gives it back", async () => {
    const { guard, live, time } = await setUpLeased();
    const failed = assert.rejects(guard.holdObjects("document", "view", "user:ana", { timeoutMs: 100 }), { code: "deadline_exceeded" });
    await settle();
    await time.pass(100);
    await failed;
    await settle();
    assert.deepEqual(live.stream.of("release"), [{ kind: "release", ids: [1] }]);
  });

  it("is one of as many as the bound, and refused beyond it", async () => {
    const { guard, live, set } = await setUpSet("objects", { member: "1" });
    const asked = Array.from({ length: limits.lookupsPerStreamMax - 1 }, (_, i) => guard.holdObjects("document", "view", `user:u${i}`));
    await assert.rejects(guard.holdObjects("document", "view", "user:bo"), { code: "overloaded" });
    await settle();
    await live.stream.lease();
    assert.equal((await Promise.all(asked)).length, limits.lookupsPerStreamMax - 1);
    set.release();
    const one = guard.holdObjects("document", "view", "user:bo");
    await settle();
    await live.stream.lease();
    assert.deepEqual((await one).ids(), []);
  });

  it("shares the ids of holds with them", async () => {
    const { guard, live } = await setUpSet("objects");
    const asked = guard.hold("node:n1", "restart", "user:ana");
    await settle();
    assert.equal(live.stream.holdOf("n1").id, 2);
    await live.stream.state("n1", true);
    assert.equal((await asked).allowed, true);
  });
});

describe("a held set of subjects beside a wildcard", () => {
  it("has everybody but who is denied by name", async () => {
    const { live, set, heard } = await setUpSet("subjects", { member: "eve", ...denied, excluded: true }, { member: "mallory", allowed: false, missingFields: ["hour"] }, { member: "*" });
    assert.deepEqual([set.has("ana"), set.has("eve"), set.has("mallory")], [true, false, false]);
    assert.deepEqual(set.ids(), ["*"]);
    await members(live.stream, { member: "ana", ...denied, excluded: true, cause: tuple });
    assert.deepEqual([set.has("ana"), heard], [false, ["-ana tuple"]], "who was let in by the wildcard alone");
    await members(live.stream, { member: "bo", cause: tuple }, { member: "*", ...denied, cause: tuple });
    assert.deepEqual([set.has("bo"), set.has("zoe"), heard], [true, false, ["-ana tuple", "-* tuple"]]);
  });

  it("keeps whoever time has ended from being let in by it", async () => {
    const { live, set } = await setUpSet("subjects", { member: "ana", validForMs: 1_000 }, { member: "*" });
    await live.stream.say({ kind: "checkpoint", zookie: "z2", instant: instant + 1_000 });
    assert.deepEqual([set.has("ana"), set.has("bo")], [false, true]);
  });
});
