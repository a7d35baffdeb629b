import assert from "node:assert/strict";

import { abortError } from "../../src/base/abort.js";
import type { UsherError } from "../../src/base/errors.js";
import { Remote } from "../../src/client/remote.js";
import type { CheckRequest, WatchEvent } from "../../src/model/service.js";
import { serve } from "../../src/server/server.js";
import { Desk } from "./desk.js";
import { eventually } from "./wire.js";

const request: CheckRequest = { object: { type: "doc", id: "1" }, permission: "view", subject: { type: "user", id: "ana", relation: "" } };
const checkpoint: WatchEvent = { kind: "checkpoint", zookie: "z", instant: 1 };
const decision = { allowed: true, missingFields: [], zookie: "z", instant: 1 };

function watching(): Desk {
  const desk = new Desk();
  desk.answer("watchTuples", async function* (_request, { signal }) {
    yield checkpoint;
    await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    if (signal) throw abortError(signal);
  });
  return desk;
}

describe("draining", () => {
  it("answers every call under way of many clients, ends their streams with closed, and takes none after", async () => {
    const desk = watching();
    const answers: (() => void)[] = [];
    desk.answer("check", () => new Promise((resolve) => answers.push(() => resolve(decision))));
    const server = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
    const remotes = Array.from({ length: 5 }, () => new Remote(server.address));
    const calls = remotes.flatMap((remote) => Array.from({ length: 20 }, () => remote.check(request, {})));
    const streams = remotes.map((remote) => remote.watchTuples({}, {})[Symbol.asyncIterator]());
    for (const stream of streams) await stream.next();
    await eventually(() => assert.equal(answers.length, calls.length));

    const closed = server.close(60_000);
    assert.equal(server.readiness.draining, true);
    for (const stream of streams) await assert.rejects(stream.next(), (error: UsherError) => error.code === "closed");
    await assert.rejects(new Remote(server.address).check(request, {}), (error: UsherError) => error.code === "server_unreachable");
    for (const answer of answers) answer();
    assert.deepEqual(await Promise.all(calls), calls.map(() => decision));
    await closed;
    await server.close(0);
    for (const remote of remotes) await remote.close();
  });

  it("ends streams that have become old with closed, which says to begin them anew", async () => {
    const server = await serve(watching(), { address: "127.0.0.1:0", onError: (error) => assert.fail(error), bounds: { connectionAgeMs: 100, connectionAgeGraceMs: 100 } });
    const remote = new Remote(server.address);
    for (let i = 0; i < 3; i++) {
      const stream = remote.watchTuples({}, {})[Symbol.asyncIterator]();
      assert.deepEqual((await stream.next()).value, checkpoint);
      await assert.rejects(stream.next(), (error: UsherError) => error.code === "closed");
    }
    assert.equal(server.load.streams, 0);
    await remote.close();
    await server.close(100);
  });

  it("loses no call when connections become old", async () => {
    const desk = new Desk();
    desk.answer("check", async () => decision);
    const server = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), bounds: { connectionAgeMs: 50, connectionAgeGraceMs: 5_000 } });
    const remote = new Remote(server.address);
    const until = performance.now() + 1_000;
    const lane = async () => {
      let calls = 0;
      for (; performance.now() < until; calls++) assert.equal((await remote.check(request, {})).allowed, true);
      return calls;
    };
    const lanes = await Promise.all([lane(), lane(), lane(), lane()]);
    assert.ok(lanes.every((calls) => calls > 0));
    await remote.close();
    await server.close(100);
  });
});
