import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { createServer, type Socket } from "node:net";

import { Metadata, Server as GrpcServer, ServerCredentials, status, type UntypedHandleCall } from "@grpc/grpc-js";

import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { Remote } from "../../src/client/remote.js";
import type { Call, CheckRequest, WatchEvent } from "../../src/model/service.js";
import { serve, type Server } from "../../src/server/server.js";
import { Desk } from "../server/desk.js";

const request: CheckRequest = { object: { type: "doc", id: "1" }, permission: "view", subject: { type: "user", id: "ana", relation: "" } };
const decision = { allowed: true, missingFields: [], zookie: "z", instant: 1 };
const writing = { operations: [] };

const code = (expected: ErrorCode, words = /./) => (error: unknown) => {
  assert.ok(error instanceof UsherError, String(error));
  assert.equal(error.code, expected, error.message);
  assert.match(error.message, words);
  return true;
};

describe("remote", () => {
  let desk: Desk;
  let server: Server;
  let remote: Remote;

  beforeEach(async () => {
    desk = new Desk();
    desk.answer("check", async () => decision);
    server = await serve(desk, { address: "127.0.0.1:0", onError: () => undefined });
    remote = new Remote(server.address);
  });

  afterEach(async () => {
    await remote.close();
    await server.close(100);
  });

  it("names the address of a server that cannot be reached, and comes back when it can", async () => {
    const { address } = server;
    await server.close(0);
    await assert.rejects(remote.check(request, {}), code("server_unreachable", new RegExp(`\`${address}\``)));
    await assert.rejects(remote.writeTuples(writing, {}), code("server_unreachable"));
    server = await serve(desk, { address, onError: () => undefined });
    for (let attempt = 0; ; attempt++) {
      const answer = await remote.check(request, {}).catch((error: unknown) => error);
      if (!(answer instanceof UsherError)) break;
      assert.ok(attempt < 200, answer.message);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  it("says of a write whose connection breaks off that it may have been applied", async () => {
    const sockets: Socket[] = [];
    const breaking = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => undefined);
      // The client's preface is answered by empty settings; the first request by the end.
      socket.write(Buffer.from("000000040000000000", "hex"));
      socket.on("data", (bytes) => {
        if (bytes.includes("WriteTuples")) socket.destroy();
        else setTimeout(() => socket.destroy(), 300);
      });
    });
    await new Promise<void>((resolve) => breaking.listen(0, "127.0.0.1", resolve));
    const address = breaking.address();
    assert.ok(typeof address === "object" && address !== null);
    const client = new Remote(`127.0.0.1:${address.port}`);
    await assert.rejects(client.writeTuples(writing, {}), code("outcome_unknown", /may have been applied/));
    await assert.rejects(client.check(request, {}), code("server_unreachable"));
    await client.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => breaking.close(resolve));
  });

  it("ends a call at its deadline, and says of a write that it may have been applied", async () => {
    const hurried = new Remote(server.address, { deadlineMs: 50 });
    desk.answer("check", () => new Promise(() => undefined));
    desk.answer("writeTuples", () => new Promise(() => undefined));
    await assert.rejects(hurried.check(request, {}), code("deadline_exceeded"));
    await assert.rejects(hurried.writeTuples(writing, {}), code("deadline_exceeded", /may have been applied/));
    await hurried.close();
  });

  it("gives a write the time that it waits for its enforcement, beside its own", async () => {
    const hurried = new Remote(server.address, { deadlineMs: 200 });
    const enforcement = { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 };
    const later = () => new Promise((resolve) => setTimeout(resolve, 400));
    desk.answer("writeTuples", async () => later().then(() => ({ zookie: "z", changed: 1, enforcement })));
    desk.answer("deleteTuples", async () => later().then(() => ({ zookie: "z", deleted: 1, more: false, enforcement })));
    desk.answer("writeSchema", async () => later().then(() => ({ zookie: "z", changed: true, enforcement })));
    const awaitEnforcementMs = 10_000;
    const written = [
      hurried.writeTuples({ operations: [], awaitEnforcementMs }, {}),
      hurried.deleteTuples({ filters: [], awaitEnforcementMs }, {}),
      hurried.writeSchema({ text: "", awaitEnforcementMs }, {}),
    ];
    for (const each of written) assert.deepEqual((await each).enforcement, enforcement);
    await assert.rejects(hurried.writeTuples({ operations: [] }, {}), code("deadline_exceeded"));
    await hurried.close();
  });

  it("gives a watch no deadline", async () => {
    const hurried = new Remote(server.address, { deadlineMs: 50 });
    desk.answer("watchTuples", async function* () {
      await new Promise((resolve) => setTimeout(resolve, 200));
      yield { kind: "checkpoint", zookie: "z", instant: 1 };
    });
    const got: WatchEvent[] = [];
    for await (const event of hurried.watchTuples({}, {})) got.push(event);
    assert.equal(got.length, 1);
    await hurried.close();
  });

  it("cancels with the reason that the signal gives, where it has a code", async () => {
    desk.answer("check", () => new Promise(() => undefined));
    const plain = new AbortController();
    const reasoned = new AbortController();
    setTimeout(() => {
      plain.abort(new Error("why not"));
      reasoned.abort(new UsherError("overloaded", "enough"));
    }, 30);
    await Promise.all([
      assert.rejects(remote.check(request, { signal: plain.signal }), code("cancelled")),
      assert.rejects(remote.check(request, { signal: reasoned.signal }), code("overloaded")),
    ]);
    await assert.rejects(remote.check(request, { signal: plain.signal }), code("cancelled"));
    assert.equal(desk.asked.length, 2, "a call whose signal is aborted already is not sent");
  });

  it("ends a watch when its signal aborts", async () => {
    desk.answer("watchTuples", async function* () {
      yield { kind: "checkpoint", zookie: "z", instant: 1 };
      await new Promise(() => undefined);
    });
    const controller = new AbortController();
    await assert.rejects(async () => {
      for await (const _event of remote.watchTuples({}, { signal: controller.signal })) controller.abort();
    }, code("cancelled"));
  });

  it("ends with closed what is under way when it closes, and all that follows", async () => {
    desk.answer("check", () => new Promise(() => undefined));
    const under = assert.rejects(remote.check(request, {}), code("closed"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await remote.close();
    await under;
    await assert.rejects(remote.check(request, {}), code("closed"));
    await assert.rejects(remote.watchTuples({}, {})[Symbol.asyncIterator]().next(), code("closed"));
    await remote.close();
  });

  it("sends nothing that would change its meaning on the wire", async () => {
    const cases: [() => Promise<unknown>, ErrorCode][] = [
      [() => remote.check({ ...request, object: { type: "doc", id: "\ud800" } }, {}), "invalid_request"],
      [() => remote.check({ ...request, object: undefined } as unknown as CheckRequest, {}), "invalid_request"],
      [() => remote.check({ ...request, context: { a: Number.NaN } }, {}), "invalid_context"],
      [() => remote.deleteTuples({ filters: [{ objectType: "doc" }], limit: -1 }, {}), "invalid_request"],
      [() => remote.deleteTuples({ filters: [{ objectType: "doc" }], limit: 0.5 }, {}), "invalid_request"],
      [() => remote.deleteTuples({ filters: [{ objectType: "doc" }], limit: 2 ** 32 + 1 }, {}), "invalid_request"],
      [() => remote.writeTuples({ operations: [{ kind: "upsert", tuple: {} }] } as never, {}), "invalid_request"],
      [() => remote.writeSchema({ text: "x".repeat(limits.messageBytesMax) }, {}), "request_too_large"],
      [() => remote.check(request, { tenant: "no\nheader" }), "invalid_request"],
      [() => remote.check(request, { tenant: "" }), "invalid_request"],
    ];
    for (const [call, expected] of cases) await assert.rejects(call, code(expected));
    assert.deepEqual(desk.asked, []);
  });

  it("keeps a limit of nothing apart from no limit, and an empty cursor from none", async () => {
    desk.answer("deleteTuples", async () => ({ zookie: "z", deleted: 0, more: true }));
    desk.answer("readTuples", async () => ({ zookie: "z", tuples: [] }));
    await remote.deleteTuples({ filters: [{ objectType: "doc" }], limit: 0 }, {});
    await remote.readTuples({ filter: {}, cursor: "", pageSize: 0 }, {});
    assert.deepStrictEqual(desk.asked.map((each) => each.request), [
      { filters: [{ objectType: "doc" }], limit: 0 },
      { filter: {}, cursor: "", pageSize: 0 },
    ]);
  });

  describe("before another kind of server", () => {
    let other: GrpcServer;
    let client: Remote;
    let answer: (callback: (error: object | null, bytes?: Buffer) => void) => void;

    beforeEach(async () => {
      other = new GrpcServer();
      const same = (bytes: Buffer) => bytes;
      const path = "/usher.v1.PermissionService/Check";
      other.addService(
        { check: { path, requestStream: false, responseStream: false, requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same } },
        { check: ((_call: unknown, callback: (error: object | null, bytes?: Buffer) => void) => answer(callback)) as UntypedHandleCall },
      );
      const port = await new Promise<number>((resolve, reject) =>
        other.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
      );
      client = new Remote(`127.0.0.1:${port}`);
    });

    afterEach(async () => {
      await client.close();
      other.forceShutdown();
    });

    it("never takes what it cannot read for an answer", async () => {
      for (const bytes of [Buffer.alloc(0), Buffer.from("ff", "hex"), Buffer.from("0801", "hex"), Buffer.from("hello")]) {
        answer = (callback) => callback(null, bytes);
        await assert.rejects(client.check(request, {}), code("internal"));
      }
    });

    it("gives each status without a code of ours one of ours", async () => {
      const expected: [status, ErrorCode][] = [
        [status.UNIMPLEMENTED, "invalid_request"],
        [status.INVALID_ARGUMENT, "invalid_request"],
        [status.RESOURCE_EXHAUSTED, "overloaded"],
        [status.UNAVAILABLE, "server_unreachable"],
        [status.DEADLINE_EXCEEDED, "deadline_exceeded"],
        [status.CANCELLED, "server_unreachable"],
        [status.PERMISSION_DENIED, "permission_denied"],
        [status.UNAUTHENTICATED, "unauthenticated"],
        [status.DATA_LOSS, "internal"],
        [status.UNKNOWN, "internal"],
      ];
      for (const [grpc, ours] of expected) {
        answer = (callback) => callback({ code: grpc, details: "words" });
        await assert.rejects(client.check(request, {}), code(ours));
      }
    });

    it("does not trust details that are not ours", async () => {
      for (const bytes of ["", "zz", "\x08\x05"]) {
        const metadata = new Metadata();
        metadata.set("grpc-status-details-bin", Buffer.from(bytes));
        answer = (callback) => callback({ code: status.INVALID_ARGUMENT, details: "words", metadata });
        await assert.rejects(client.check(request, {}), code("invalid_request", /words/));
      }
    });
  });

  it("listens to a signal once, however many calls share it", async () => {
    const { signal } = new AbortController();
    const watches = Array.from({ length: 20 }, () => remote.watchTuples({}, { signal })[Symbol.asyncIterator]());
    desk.answer("watchTuples", async function* watchTuples(_request: unknown, call: Call): AsyncGenerator<WatchEvent, void> {
      yield { kind: "checkpoint", zookie: "z", instant: 1 };
      await new Promise((resolve) => call.signal?.addEventListener("abort", resolve));
    });
    await Promise.all(watches.map((watch) => watch.next()));
    assert.equal(getEventListeners(signal, "abort").length, 1, "Node.js warns of more than ten");
    for (const watch of watches) await watch.return?.();
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
});
