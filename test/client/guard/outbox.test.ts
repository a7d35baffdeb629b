import assert from "node:assert/strict";

import { limits } from "../../../src/base/limits.js";
import { Outbox } from "../../../src/client/guard/outbox.js";
import type { Hold, LiveRequest } from "../../../src/model/live.js";

const hold = (id: number): Hold => ({ id, object: { type: "node", id: `n${id}` }, permission: "restart", subject: { type: "user", id: "ana", relation: "" } });

function setUp() {
  let sequence = 0;
  let overflows = 0;
  const outbox = new Outbox({ nextSequence: () => ++sequence, sending: (sent) => `nonce ${sent}`, overflowed: () => overflows++ });
  const requests = outbox[Symbol.asyncIterator]();
  const next = async () => (await requests.next()).value as LiveRequest;
  return { outbox, next, requests, overflows: () => overflows };
}

const idsOf = (request: LiveRequest) => (request.kind === "hold" ? request.holds.map(({ id }) => id) : request.kind === "release" ? request.ids : request.kind);

describe("the outbox of a stream", () => {
  it("sends in order, what is asked in one go in one message", async () => {
    const { outbox, next } = setUp();
    outbox.setContext("office", { hour: 9 });
    outbox.hold(hold(1), 10);
    outbox.hold(hold(2), 10);
    assert.equal(outbox.ping(), 1);
    assert.equal(outbox.ping(), 1, "nothing stands behind it: it covers all");
    outbox.hold(hold(3), 10);
    assert.equal(outbox.ping(), 2);
    outbox.acknowledge("z1");
    assert.deepEqual(await next(), { kind: "setContext", name: "office", context: { hour: 9 } });
    assert.deepEqual(idsOf(await next()), [1, 2]);
    assert.deepEqual(await next(), { kind: "ping", nonce: "nonce 1" });
    assert.deepEqual(idsOf(await next()), [3]);
    assert.deepEqual(await next(), { kind: "ping", nonce: "nonce 2" });
    assert.deepEqual(await next(), { kind: "acknowledge", zookie: "z1" });
  });

  it("waits for what there is to say", async () => {
    const { outbox, next } = setUp();
    const first = next();
    await Promise.resolve();
    outbox.hold(hold(1), 10);
    outbox.hold(hold(2), 10);
    assert.deepEqual(idsOf(await first), [1, 2]);
  });

  it("does not send what was released before it left, and releases what was sent", async () => {
    const { outbox, next } = setUp();
    outbox.hold(hold(1), 10);
    outbox.release(1);
    outbox.hold(hold(2), 10);
    assert.deepEqual(idsOf(await next()), [2]);
    outbox.release(2);
    outbox.release(7);
    assert.deepEqual(await next(), { kind: "release", ids: [2, 7] });
    outbox.hold(hold(3), 10);
    outbox.ping();
    outbox.release(3);
    assert.equal((await next()).kind, "ping");
  });

  it("sends the last of a context that was set twice", async () => {
    const { outbox, next } = setUp();
    outbox.setContext("office", { hour: 9 });
    outbox.ping();
    outbox.setContext("office", { hour: 10 });
    assert.deepEqual(await next(), { kind: "setContext", name: "office", context: { hour: 10 } });
    outbox.setContext("office", { hour: 11 });
    assert.equal((await next()).kind, "ping");
    assert.deepEqual(await next(), { kind: "setContext", name: "office", context: { hour: 11 } });
  });

  it("fills a message to the bound in number, and in bytes", async () => {
    const { outbox, next } = setUp();
    for (let id = 1; id <= limits.holdsPerMessageMax + 1; id++) outbox.hold(hold(id), 10);
    assert.deepEqual([(idsOf(await next()) as number[]).length, idsOf(await next())], [limits.holdsPerMessageMax, [limits.holdsPerMessageMax + 1]]);
    outbox.hold(hold(1), limits.holdsMessageBytesMax - 10);
    outbox.hold(hold(2), 10);
    outbox.hold(hold(3), 10);
    assert.deepEqual([idsOf(await next()), idsOf(await next())], [[1, 2], [3]]);
    for (let id = 1; id <= limits.holdsPerMessageMax + 1; id++) outbox.release(id);
    assert.deepEqual([(idsOf(await next()) as number[]).length, idsOf(await next())], [limits.holdsPerMessageMax, [limits.holdsPerMessageMax + 1]]);
  });

  it("keeps what was used within so many and so many bytes", async () => {
    const { outbox, next } = setUp();
    const countOf = (request: unknown) => (request as { readonly uses: readonly unknown[] }).uses.length;
    for (let id = 1; id <= limits.holdsPerMessageMax + 1; id++) outbox.uses({ id, count: 1 });
    assert.deepEqual([countOf(await next()), countOf(await next())], [limits.holdsPerMessageMax, 1]);
    const member = "é".repeat(500);
    const fit = Math.floor(limits.holdsMessageBytesMax / (16 + 3 * member.length));
    for (let n = 0; n <= fit; n++) outbox.uses({ id: 1, count: 1, member });
    assert.deepEqual([countOf(await next()), countOf(await next())], [fit, 1]);
  });

  it("says when more waits than may", () => {
    const { outbox, overflows } = setUp();
    for (let n = 0; n < limits.liveOutboxMessagesMax; n++) outbox.acknowledge("z");
    assert.equal(overflows(), 0);
    outbox.acknowledge("z");
    assert.equal(overflows(), 1);
  });

  it("ends, and takes nothing more", async () => {
    const { outbox, requests } = setUp();
    const waiting = requests.next();
    outbox.end();
    outbox.hold(hold(1), 10);
    assert.equal((await waiting).done, true);
  });
});
