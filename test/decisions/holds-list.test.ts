import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import type { HoldsFilter, ListHoldsResponse } from "../../src/model/holds.js";
import { hold, live, now } from "./live.js";

const schema = `
  definition user {}
  definition doc { relation viewer: user
    relation editor: user
    permission view = viewer + editor
  }`;

const names = new Map([[1, "default"]]);

async function all(pages: AsyncIterable<ListHoldsResponse>): Promise<ListHoldsResponse[]> {
  const list: ListHoldsResponse[] = [];
  for await (const page of pages) list.push(page);
  return list;
}

describe("a list of what is held", () => {
  async function decisionsOf(world: ReturnType<typeof live>, filter: HoldsFilter, of = names) {
    return (await all(world.decisions.list(of).decisions(filter, undefined))).flatMap(({ decisions }) => decisions);
  }

  it("says of a stream whose it is, what it holds, and how far it has come", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point({ leaseMs: 2_000 });
    point.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:2#view@user:ana"));
    await point.ping();
    await new Promise(setImmediate);
    const [page] = await all(world.decisions.list(names).streams(undefined));
    const reached = { zookie: String(world.store.head.revision), instant: now };
    assert.deepEqual(page?.streams, [
      { stream: point.stream, tenant: "default", principal: "", openedAt: now, connected: true, leaseMs: 2_000, trustsForMs: 2_020, holds: 2, due: 0, untold: 0, unacknowledged: 0, sent: reached, acknowledged: reached },
    ]);
    assert.deepEqual(await all(world.decisions.list(new Map()).streams(undefined)), [], "of no other tenant");
  });

  it("tells a stream that does not acknowledge, and one that is gone and may trust what it holds", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana"]);
    const point = world.point({ leaseMs: 2_000 });
    point.silent = true;
    point.hold(hold(1, "doc:1#view@user:ana"));
    await point.ping();
    world.remove("doc:1#viewer@user:ana");
    await point.ping();
    const [silent] = await all(world.decisions.list(names).streams(undefined));
    assert.deepEqual([silent?.streams[0]?.acknowledged, silent?.streams[0]?.connected, Number(silent?.streams[0]?.unacknowledged) >= 2], [undefined, true, true]);
    const [denied] = await decisionsOf(world, {});
    assert.deepEqual([denied?.answer, denied?.holds, denied?.honoured], ["denied", 1, 1], "it may act on what it was told before");
    await point.cut();
    world.clock.monotonic += 1_000;
    const [gone] = await all(world.decisions.list(names).streams(undefined));
    assert.deepEqual([gone?.streams[0]?.connected, gone?.streams[0]?.trustsForMs], [false, 1_020]);
  });

  it("has each decision once, with its answer and how many hold it, whatever filter finds it", async () => {
    const world = live(schema, ["doc:1#viewer@user:ana", "doc:2#editor@user:bo"]);
    const [one, two] = [world.point(), world.point()];
    one.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:1#view@user:ana"), hold(3, "doc:1#editor@user:bo"), hold(4, "doc:1#view@user:ana", { context: { hour: 3 } }));
    two.hold(hold(1, "doc:1#view@user:ana"), hold(2, "doc:2#view@user:bo"));
    await Promise.all([one.ping(), two.ping()]);
    const found = async (filter: HoldsFilter) => (await decisionsOf(world, filter)).map(({ object, permission, subject, context, answer, holds, honoured, due }) => [`${object.id}#${permission}@${subject.id}${context ? "+" : ""}`, answer, holds, honoured, due]);
    const [ana, editor, context, bo] = [["1#view@ana", "allowed", 3, 3, false], ["1#editor@bo", "denied", 1, 0, false], ["1#view@ana+", "allowed", 1, 1, false], ["2#view@bo", "allowed", 1, 1, false]];
    assert.deepEqual((await found({})).sort(), [editor, ana, context, bo].sort());
    assert.deepEqual((await found({ stream: two.stream })).sort(), [ana, bo]);
    assert.deepEqual((await found({ stream: one.stream })).length, 3, "that one hold of a stream asks what another does counts once");
    assert.deepEqual(await found({ object: { type: "doc", id: "2" } }), [bo]);
    assert.deepEqual(await found({ permission: "editor" }), [editor]);
    assert.deepEqual((await found({ subject: { type: "user", id: "bo", relation: "" } })).sort(), [editor, bo]);
    assert.deepEqual(await found({ subject: { type: "user", id: "bo", relation: "" }, permission: "view", object: { type: "doc", id: "2" }, stream: two.stream }), [bo]);
    for (const none of [{ stream: "other" }, { object: { type: "doc", id: "3" } }, { object: { type: "user", id: "1" } }, { subject: { type: "user", id: "bo", relation: "member" } }]) assert.deepEqual(await found(none), []);
    assert.deepEqual(await decisionsOf(world, {}, new Map()), []);
  });

  it("comes in pages of at most so many, and goes on while what is held changes", async () => {
    const world = live(schema);
    const point = world.point();
    const count = 2 * limits.holdsPageMax + 1;
    point.hold(...Array.from({ length: count }, (_, i) => hold(i + 1, `doc:${i}#view@user:ana`)));
    await point.ping();
    const pages = await all(world.decisions.list(names).decisions({}, undefined));
    assert.deepEqual(pages.map(({ decisions }) => decisions.length), [limits.holdsPageMax, limits.holdsPageMax, 1]);
    const rest = world.decisions.list(names).decisions({}, undefined);
    assert.equal((await rest.next()).value?.decisions.length, limits.holdsPageMax);
    point.release(...Array.from({ length: count }, (_, i) => i + 1));
    await point.ping();
    assert.deepEqual(await all(rest), [], "what was let go of meanwhile is not held");
  });

  it("lets everything else go on after so many decisions that do not match, and ends when it is cancelled", async () => {
    const world = live(schema);
    const point = world.point();
    const count = 3 * limits.holdsLookedMax;
    for (let i = 0; i < count; i += 5_000) point.hold(...Array.from({ length: 5_000 }, (_, j) => hold(i + j + 1, `doc:${i + j}#view@user:ana`)));
    await point.ping();
    let turns = 0;
    let counting = true;
    const tick = () => {
      turns++;
      if (counting) setImmediate(tick);
    };
    setImmediate(tick);
    assert.deepEqual(await decisionsOf(world, { permission: "editor" }), []);
    counting = false;
    assert.ok(turns >= count / limits.holdsLookedMax, `${turns}`);
    const leaving = new AbortController();
    const list = all(world.decisions.list(names).decisions({ permission: "editor" }, leaving.signal));
    leaving.abort();
    await assert.rejects(list, { code: "cancelled" });
  });
});
