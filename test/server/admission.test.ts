import assert from "node:assert/strict";

import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { Remote } from "../../src/client/remote.js";
import type { CheckRequest, WriteTuplesRequest } from "../../src/model/service.js";
import { methods } from "../../src/model/wire/methods.js";
import { Admission, classOf, classOfWrite, type CallClass } from "../../src/server/admission.js";
import { serve, type Server } from "../../src/server/server.js";
import { unobservedServer } from "../../src/server/telemetry/observer.js";
import { Desk } from "./desk.js";
import { eventually } from "./wire.js";

const classes: readonly CallClass[] = ["revocation", "write", "check", "read", "stream"];
const tuple = { object: { type: "doc", id: "1" }, relation: "viewer", subject: { type: "user", id: "ana", relation: "" } };
const check: CheckRequest = { object: tuple.object, permission: "view", subject: tuple.subject };
const deletion: WriteTuplesRequest = { operations: [{ kind: "delete", tuple }] };

function admitted(admission: Admission): CallClass[] {
  return classes.filter((callClass) => {
    try {
      admission.enter(callClass);
    } catch (error) {
      assert.ok(error instanceof UsherError && error.code === "overloaded");
      assert.match(error.details["retryAfterMs"] ?? "", /^\d+$/);
      return false;
    }
    admission.leave(callClass);
    return true;
  });
}

function admission(options: { underWay?: number; delayMs?: number; random?: number }): Admission {
  const made = new Admission({ callsMax: 100, delayMs: () => options.delayMs ?? 0, delayMsMax: 50, random: () => options.random ?? 0 });
  for (let i = 0; i < (options.underWay ?? 0); i++) made.enter("revocation");
  return made;
}

describe("admission", () => {
  it("sheds the lowest class first as calls become many, and revocations never", () => {
    for (const [underWay, expected] of [[0, 5], [49, 5], [50, 4], [59, 4], [60, 3], [79, 3], [80, 2], [99, 2], [100, 1], [100_000, 1]] as const) {
      assert.deepEqual(admitted(admission({ underWay })), classes.slice(0, expected), `${underWay} under way`);
    }
  });

  it("sheds the lowest class first as the loop becomes late, and revocations never", () => {
    for (const [delayMs, expected] of [[49, 5], [50, 3], [99, 3], [100, 2], [199, 2], [200, 1], [1e9, 1]] as const) {
      assert.deepEqual(admitted(admission({ delayMs })), classes.slice(0, expected), `${delayMs} ms late`);
    }
  });

  it("never sheds what holds decisions", () => {
    for (const busy of [{ underWay: 100_000 }, { delayMs: 1e9 }]) admission(busy).enter("live");
  });

  it("makes room when calls end, and counts no streams", () => {
    const full = admission({ underWay: 100 });
    full.leave("revocation");
    full.enter("write");
    assert.throws(() => full.enter("write"));
    const streams = admission({});
    for (let i = 0; i < 1_000; i++) streams.enter("stream");
    for (let i = 0; i < 1_000; i++) streams.enter("live");
    assert.equal(streams.underWay, 0);
  });

  it("asks those who are refused to come back at different times", () => {
    const after = (random: number) => {
      try {
        admission({ underWay: 100, random }).enter("check");
      } catch (error) {
        return Number((error as UsherError).details["retryAfterMs"]);
      }
      return undefined;
    };
    assert.deepEqual([after(0), after(0.5)], [limits.retryAfterMs, 1.5 * limits.retryAfterMs]);
  });

  it("knows the class of every method, and takes a write for a revocation where it deletes alone", () => {
    assert.equal(classOf(methods.deleteTuples, false), "revocation");
    assert.equal(classOf(methods.deleteTenant, false), "revocation");
    assert.equal(classOf(methods.check, false), "check");
    assert.equal(classOf(methods.batchCheck, false), "read");
    assert.equal(classOf(methods.writeSchema, false), "write");
    for (const streaming of [methods.watchTuples, methods.importTuples, methods.exportTuples]) assert.equal(classOf(streaming, true), "stream");
    assert.equal(classOf(methods.live, true), "live");
    assert.equal(classOf(methods.writeTuples, false), undefined);
    assert.equal(classOfWrite(deletion), "revocation");
    assert.equal(classOfWrite({ operations: [] }), "write", "what takes nothing away is none");
    for (const kind of ["create", "touch"] as const) assert.equal(classOfWrite({ operations: [...deletion.operations, { kind, tuple }] }), "write");
  });
});

describe("a server under overload", () => {
  let desk: Desk;
  let server: Server;
  let remote: Remote;
  const shed: CallClass[] = [];

  const callsMax = 20;

  before(async () => {
    desk = new Desk();
    const observer = { ...unobservedServer, onShed: (callClass: CallClass) => void shed.push(callClass) };
    server = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), observer, bounds: { callsMax } });
    remote = new Remote(server.address);
  });
  after(async () => {
    await remote.close();
    await server.close(100);
  });

  it("sheds checks, reads, writes and watches while deletes pass, and takes all again afterwards", async () => {
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    const decision = { allowed: true, missingFields: [], zookie: "z", instant: 1 };
    desk.answer("check", async () => held.then(() => decision));
    desk.answer("writeTuples", async (request) => (request.operations.every(({ kind }) => kind === "delete") ? { zookie: "z", changed: 1 } : held.then(() => ({ zookie: "z", changed: 1 }))));
    desk.answer("deleteTuples", async () => ({ zookie: "z", deleted: 1, more: false }));
    const overloaded = (error: UsherError) => error.code === "overloaded" && Number(error.details["retryAfterMs"]) >= limits.retryAfterMs;

    const checks = Array.from({ length: callsMax * 0.8 }, () => remote.check(check, {}));
    await eventually(() => assert.equal(server.load.callsUnderWay, callsMax * 0.8));
    await assert.rejects(remote.check(check, {}), overloaded);
    await assert.rejects(remote.batchCheck({ items: [check] }, {}), overloaded);
    await assert.rejects(remote.readSchema({}, {}), overloaded);
    await assert.rejects(remote.watchTuples({}, {})[Symbol.asyncIterator]().next(), overloaded);

    const touch: WriteTuplesRequest = { operations: [{ kind: "touch", tuple }] };
    const writes = Array.from({ length: callsMax * 0.2 }, () => remote.writeTuples(touch, {}));
    await eventually(() => assert.equal(server.load.callsUnderWay, callsMax));
    await assert.rejects(remote.writeTuples(touch, {}), overloaded);

    desk.answer("live", async function* () {
      yield { kind: "opened", stream: "s", leaseMs: 1_000 };
    });
    for await (const opened of remote.live(nothing(), {})) assert.equal(opened.kind, "opened", "holding goes on");

    assert.equal((await remote.writeTuples(deletion, {})).changed, 1);
    assert.equal((await remote.deleteTuples({ filters: [{ objectType: "doc" }] }, {})).deleted, 1);
    assert.deepEqual(shed, ["check", "read", "read", "stream", "write"]);

    answer();
    await Promise.all([...checks, ...writes]);
    assert.equal((await remote.check(check, {})).allowed, true);
    assert.equal(server.load.callsUnderWay, 0);
  });

  it("sheds while its event loop stays late, and deletes pass", async () => {
    const busy = new Desk();
    busy.answer("check", async () => ({ allowed: true, missingFields: [], zookie: "z", instant: 1 }));
    busy.answer("deleteTuples", async () => ({ zookie: "z", deleted: 1, more: false }));
    const late = await serve(busy, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), bounds: { loopDelayMsMax: 5 } });
    const client = new Remote(late.address);
    let working = true;
    const work = () => {
      for (const until = performance.now() + 100; performance.now() < until; );
      if (working) setTimeout(work, 1);
    };
    work();
    await eventually(() => assert.rejects(client.check(check, {}), (error: UsherError) => error.code === "overloaded" && error.message.includes("late")));
    assert.equal((await client.deleteTuples({ filters: [{ objectType: "doc" }] }, {})).deleted, 1);
    working = false;
    await eventually(async () => assert.equal((await client.check(check, {})).allowed, true));
    await client.close();
    await late.close(100);
  });
});

async function* nothing(): AsyncGenerator<never, void> {
  // Nothing is asked.
}
