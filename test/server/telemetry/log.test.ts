import assert from "node:assert/strict";

import { UsherError, type ErrorCode } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { Remote } from "../../../src/client/remote.js";
import type { CheckRequest } from "../../../src/model/service.js";
import { methods } from "../../../src/model/wire/methods.js";
import { serve, type Server } from "../../../src/server/server.js";
import { callLog } from "../../../src/server/telemetry/call-log.js";
import { failureFields, openLog, type LogLevel } from "../../../src/server/telemetry/log.js";
import { requestIdKey } from "../../../src/server/telemetry/request-id.js";
import { Desk } from "../desk.js";
import { eventually, Wire } from "../wire.js";
import { Collector } from "./collector.js";

const secret = "s3cret";
const check: CheckRequest = {
  object: { type: "doc", id: secret },
  permission: "view",
  subject: { type: "user", id: `${secret}-user`, relation: "" },
  context: { token: `${secret}-context` },
};
const decision = { allowed: true, missingFields: [], zookie: "z", instant: 1 };

describe("the log of calls", () => {
  let desk: Desk;
  let output: Collector;
  let server: Server;
  let remote: Remote;

  async function start(level: LogLevel, slowMs = 60_000): Promise<void> {
    desk = new Desk();
    output = new Collector();
    const logger = openLog({ level, format: "json", output });
    server = await serve(desk, { address: "127.0.0.1:0", onError: () => undefined, observer: callLog(logger, slowMs) });
    remote = new Remote(server.address);
  }

  afterEach(async () => {
    await remote.close();
    await server.close(100);
  });

  const fail = (code: ErrorCode) => async () => {
    throw new UsherError(code, `tuple \`doc:${secret}\` with {"token": "${secret}"} is wrong`, { details: { tuple: secret } });
  };

  it("names failures with their code, their method and their time, and nothing of what was asked", async () => {
    await start("info");
    desk.answer("check", fail("unknown_type"));
    await assert.rejects(remote.check(check, {}));
    await eventually(() => assert.equal(output.lines.length, 1));
    const [line] = output.lines;
    assert.deepEqual([line?.["level"], line?.["msg"], line?.["method"], line?.["code"]], ["info", "call", "PermissionService/Check", "unknown_type"]);
    assert.match(String(line?.["requestId"]), /^[0-9a-f-]{36}$/);
    assert.equal(typeof line?.["ms"], "number");
    assert.deepEqual(Object.keys(line ?? {}).sort(), ["code", "level", "method", "ms", "msg", "requestId", "time"]);
  });

  it("never holds a secret at level info and above, whatever fails and whatever is sent", async () => {
    await start("info", 0);
    const wire = new Wire(server.address);
    const headers = { authorization: `Bearer usher_${secret}`, "x-other": secret, "usher-tenant": secret };
    const failures: (() => Promise<never>)[] = [fail("tuple_exists"), fail("store_corrupt"), fail("internal"), async () => { throw new TypeError(`${secret}\n    at ${secret}`); }, async () => { throw new Error(secret, { cause: new Error(secret) }); }];
    for (const failure of failures) {
      desk.answer("check", failure);
      await wire.call(methods.check.path, methods.check.request.encode(check), headers);
    }
    desk.answer("check", async () => decision);
    await wire.call(methods.check.path, methods.check.request.encode(check), headers);
    await wire.call(methods.check.path, Buffer.from(secret), headers);
    await eventually(() => assert.equal(output.lines.length, failures.length + 2));
    assert.ok(!output.text.includes(secret), output.text);
    assert.deepEqual(output.lines.map(({ level }) => level), ["warn", "warn", "error", "error", "error", "warn", "warn"]);
    wire.close();
  });

  it("says where a bug was thrown, and what it said at level debug alone", async () => {
    await start("debug");
    desk.answer("check", async () => {
      throw new TypeError("the message");
    });
    await assert.rejects(remote.check(check, {}));
    await eventually(() => assert.equal(output.lines.length, 1));
    const [line] = output.lines;
    assert.deepEqual([line?.["level"], line?.["code"], line?.["error"], line?.["message"]], ["error", "internal", "TypeError", "the message"]);
    assert.match(String((line?.["at"] as string[])[0]), /^at .*log\.test/);
  });

  it("leaves out what went well, but at debug, or where it was slow", async () => {
    await start("info");
    desk.answer("check", async () => decision);
    await remote.check(check, {});
    assert.equal(output.text, "");
    await remote.close();
    await server.close(100);
    await start("info", 0);
    desk.answer("check", async () => decision);
    await remote.check(check, {});
    await eventually(() => assert.deepEqual(output.lines.map(({ level, slow, code }) => [level, slow, code]), [["warn", true, "ok"]]));
  });

  it("gives each call an id of its own, or the caller's where that can be logged, and returns it with answers and failures", async () => {
    await start("debug");
    desk.answer("check", async () => decision);
    const wire = new Wire(server.address);
    const ask = async (headers: Record<string, string>) => (await wire.call(methods.check.path, methods.check.request.encode(check), headers)).trailers.get(requestIdKey);
    assert.deepEqual(await ask({ [requestIdKey]: "abc-1:2/3" }), ["abc-1:2/3"]);
    for (const bad of ["", "a b", "x".repeat(129), 'a"b', "{}"]) assert.match(String((await ask(bad === "" ? {} : { [requestIdKey]: bad }))[0]), /^[0-9a-f-]{36}$/, bad);
    desk.answer("check", fail("tuple_exists"));
    assert.deepEqual(await ask({ [requestIdKey]: "failed" }), ["failed"]);
    await eventually(() => assert.ok(output.lines.some(({ requestId, code }) => requestId === "failed" && code === "tuple_exists")));
    wire.close();
  });

  it("has so many lines a second of callers who fail to authenticate, and says how many it left out", () => {
    output = new Collector();
    let ms = 0;
    const log = callLog(openLog({ level: "info", format: "json", output }), 1_000, () => ms);
    const flood = () => {
      for (let i = 0; i < 10 * limits.refusalsLoggedPerSecondMax; i++) {
        log.onAuthentication({ outcome: "refused", reason: "wrong_secret", peer: "10.0.0.1" });
        log.onEnd({ method: "PermissionService/Check", requestId: "r", code: "unauthenticated", seconds: 5, streams: false });
      }
    };
    flood();
    assert.equal(output.lines.length, limits.refusalsLoggedPerSecondMax);
    assert.ok(output.lines.every(({ level, msg, withheld }) => level === "info" && msg === "authentication refused" && withheld === undefined), "nor is it slow, which it is on purpose");
    ms += 1_000;
    flood();
    assert.equal(output.lines.length, 2 * limits.refusalsLoggedPerSecondMax);
    assert.equal(output.lines[limits.refusalsLoggedPerSecondMax]?.["withheld"], 9 * limits.refusalsLoggedPerSecondMax);
    assert.equal(output.lines.at(-1)?.["withheld"], undefined);
  });

  it("is in words for people", () => {
    const words = new Collector();
    openLog({ level: "info", format: "text", output: words }).warn({ code: "overloaded", ms: 3 }, "call");
    assert.match(words.text, /^\d\d:\d\d:\d\d\.\d{3} warn {2}call code=overloaded ms=3\n$/);
    assert.deepEqual(failureFields("thrown text", { isLevelEnabled: () => true }), { code: "internal" });
  });
});
