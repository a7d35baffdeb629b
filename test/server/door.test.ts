import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";

import { limits } from "../../src/base/limits.js";
import { methods } from "../../src/model/wire/methods.js";
import { createKey } from "../../src/server/access/key.js";
import type { CallRecord } from "../../src/server/telemetry/observer.js";
import { unobservedServer } from "../../src/server/telemetry/observer.js";
import { Place } from "./access/place.js";
import { eventually } from "./wire.js";

const health = "/grpc.health.v1.Health/Check";
const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const unauthenticated = "16";

/** A message that is announced and never comes to its end. */
function unfinished(bytes: number): Buffer {
  const message = Buffer.alloc(bytes);
  message.writeUInt32BE(limits.messageBytesMax, 1);
  return message;
}

const empty = Buffer.alloc(5);

describe("the door", () => {
  let place: Place;
  let session: ClientHttp2Session;
  let ended: CallRecord[];

  beforeEach(async () => {
    ended = [];
    place = await Place.open({ observer: { ...unobservedServer, onEnd: (record) => ended.push(record) } });
    session = connectHttp2(`http://${place.server.address}`);
  });
  afterEach(async () => {
    session.destroy();
    await place.close();
  });

  function open(path: string, key?: string): ClientHttp2Stream {
    const stream = session.request({
      ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", "x-request-id": "mine",
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    });
    return stream.on("error", () => undefined);
  }

  /** The status, wherever it comes. */
  async function answer(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
    const trailers = once(stream, "trailers");
    trailers.catch(() => undefined);
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
    stream.resume();
    return headers["grpc-status"] === undefined ? ((await trailers) as [IncomingHttpHeaders])[0] : headers;
  }

  it("answers a caller without a right key before its request has come, and does not read that", async () => {
    const keys = [undefined, "hunter2", createKey("nobody", randomBytes), createKey("first", randomBytes)];
    for (const key of keys) {
      const stream = open(methods.check.path, key);
      stream.write(unfinished(1_000_000));
      const headers = await answer(stream);
      assert.deepEqual([headers["grpc-status"], headers["x-request-id"]], [unauthenticated, "mine"]);
      assert.ok(headers["grpc-status-details-bin"], "the code goes with it");
      stream.close();
    }
    assert.deepEqual(place.events.map(({ outcome, reason }) => `${outcome} ${reason}`), ["refused missing", "refused malformed", "refused unknown_key", "refused wrong_secret"], "each is told once");
    assert.deepEqual(ended.map(({ method, code }) => `${method} ${code}`), keys.map(() => "PermissionService/Check unauthenticated"));
  });

  it("does so for calls of every kind, and lets none that waits hold up another on its connection", async () => {
    const key = await place.key("k", "a", ["read"]);
    for (let i = 0; i < limits.failuresFreeMax; i++) assert.equal((await answer(open(methods.check.path)))["grpc-status"], unauthenticated);
    const paths = [methods.writeTuples.path, methods.importTuples.path, methods.watchTuples.path, methods.live.path, methods.backup.path];
    const streams = paths.map((path) => open(path));
    for (const stream of streams) stream.write(unfinished(1_000_000));
    const right = open(methods.check.path, key);
    const large = Buffer.alloc(500_000);
    large.writeUInt32BE(large.length - 5, 1);
    right.end(large);
    let refused = 0;
    for (const stream of streams) stream.once("response", () => refused++);
    assert.equal((await answer(right))["grpc-status"], "3", "it is read, and is no request");
    assert.equal(refused, 0);
    assert.ok(streams.every(({ writableLength }) => writableLength > 0), "most of theirs is still with them");
    for (const stream of streams) assert.equal((await answer(stream))["grpc-status"], unauthenticated);
  });

  it("lets a right key through, and hears of a call that is cancelled while it waits", async () => {
    const key = await place.key("k", "a", ["read"]);
    const stream = open(methods.check.path, key);
    stream.end(empty);
    assert.equal((await answer(stream))["grpc-status"], "3", "an empty request is invalid");
    assert.equal(place.events.at(-1)?.outcome, "accepted");
    for (let i = 0; i <= limits.failuresFreeMax; i++) await answer(open(methods.check.path));
    const waiting = open(methods.check.path);
    await eventually(() => assert.equal(place.events.filter(({ reason }) => reason === "missing").length, limits.failuresFreeMax + 2));
    waiting.close();
    await eventually(() => assert.equal(ended.at(-1)?.code, "cancelled"));
  });

  it("asks for a key of any role where the interface is shown, and for none where the health is", async () => {
    assert.equal((await answer(open(reflection)))["grpc-status"], unauthenticated);
    assert.equal((await answer(open(reflection, createKey("first", randomBytes))))["grpc-status"], unauthenticated);
    assert.equal(place.events.length, 2);
    const shown = open(reflection, await place.key("any", "a", ["audit"]));
    shown.end();
    assert.equal((await answer(shown))["grpc-status"], "0");
    const asked = open(health);
    asked.end(empty);
    assert.equal((await answer(asked))["grpc-status"], "0");
  });

  it("holds so many requests about the health that have not come to their end, and lets the oldest go", async () => {
    const answers: number[] = [];
    const hold = async (at: number) => {
      const stream = open(health);
      stream.write(unfinished(100));
      stream.once("response", () => answers.push(at));
      await new Promise<void>((resolve) => session.ping(() => resolve()));
      return stream;
    };
    const [oldest] = await Promise.all(Array.from({ length: limits.healthUnreadMax }, (_, at) => hold(at)));
    assert.deepEqual(answers, [], "at the bound");
    await hold(limits.healthUnreadMax);
    await eventually(() => assert.deepEqual(answers, [0]));
    oldest?.close();
    const asked = open(health);
    asked.end(empty);
    assert.equal((await answer(asked))["grpc-status"], "0", "who asks in earnest is answered");
  });
});
