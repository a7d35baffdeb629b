import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

import { status } from "@grpc/grpc-js";

import { abortError } from "../../src/base/abort.js";
import { errorCodes, UsherError, type ErrorCode } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { Remote } from "../../src/client/remote.js";
import type { Call, CheckRequest, WatchEvent } from "../../src/model/service.js";
import { formatAddress, parseAddress } from "../../src/model/wire/address.js";
import { serve, type Server } from "../../src/server/server.js";
import { statuses } from "../../src/server/statuses.js";
import { Desk } from "./desk.js";

const request: CheckRequest = { object: { type: "doc", id: "1" }, permission: "view", subject: { type: "user", id: "ana", relation: "" } };
const checkpoint: WatchEvent = { kind: "checkpoint", zookie: "z", instant: 1 };

const code = (expected: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof UsherError, String(error));
  assert.equal(error.code, expected, error.message);
  return true;
};

/** Waits until the signal aborts, as a handler does that is asked for something long. */
async function untilAborted({ signal }: Call): Promise<never> {
  assert.ok(signal);
  if (!signal.aborted) await once(signal, "abort");
  throw abortError(signal);
}

describe("server", () => {
  let desk: Desk;
  let server: Server;
  let remote: Remote;
  let unexpected: [message: string, path: string][];

  beforeEach(async () => {
    desk = new Desk();
    unexpected = [];
    server = await serve(desk, { address: "127.0.0.1:0", onError: (error, path) => unexpected.push([error.message, path]) });
    remote = new Remote(server.address);
  });

  afterEach(async () => {
    await remote.close();
    await server.close(100);
  });

  describe("errors", () => {
    it("carries every code with its message and details", async () => {
      for (const each of errorCodes) {
        if (each === "internal") continue;
        desk.answer("check", async () => {
          throw new UsherError(each, "tuple `doc:ä#viewer` is wrong:\n100 % 世", { details: { line: "3", earliest: "zöokie" } });
        });
        await assert.rejects(remote.check(request, {}), (error: UsherError) => {
          assert.deepEqual([error.code, error.message, error.details], [each, "tuple `doc:ä#viewer` is wrong:\n100 % 世", { line: "3", earliest: "zöokie" }]);
          return true;
        });
      }
      assert.deepEqual(unexpected, []);
    });

    it("gives every code a status that is an error", () => {
      for (const each of errorCodes) assert.ok(statuses[each] > status.OK && statuses[each] <= status.UNAUTHENTICATED, each);
    });

    it("tells the client nothing of an error without a code, and its owner everything", async () => {
      desk.answer("check", async () => {
        throw new TypeError("secret of the house");
      });
      await assert.rejects(remote.check(request, {}), (error: UsherError) => {
        assert.equal(error.code, "internal");
        assert.ok(!JSON.stringify([error.message, error.details, String(error.cause)]).includes("secret"));
        return true;
      });
      await assert.rejects(remote.expand({ object: request.object, permission: "view" }, {}), code("internal"));
      assert.deepEqual(unexpected, [
        ["secret of the house", "/usher.v1.PermissionService/Check"],
        ["secret: no answer was set for expand", "/usher.v1.PermissionService/Expand"],
      ]);
    });

    it("cuts an error to what trailers bear", async () => {
      desk.answer("check", async () => {
        throw new UsherError("invalid_schema", `${"世".repeat(50_000)}\ud800`, { details: { huge: "x".repeat(100_000), small: "1" } });
      });
      await assert.rejects(remote.check(request, {}), (error: UsherError) => {
        assert.equal(error.code, "invalid_schema");
        assert.ok(Buffer.byteLength(error.message) <= limits.errorMessageBytesMax && error.message.endsWith("世…"));
        assert.deepEqual(error.details, { small: "1" });
        return true;
      });
    });

    it("reports an answer that cannot be written, and says nothing of it", async () => {
      desk.answer("check", async () => ({ allowed: true, missingFields: [], zookie: "\ud800", instant: 1 }));
      await assert.rejects(remote.check(request, {}), code("internal"));
      assert.equal(unexpected.length, 1);
    });

    it("says so where an answer is too large for one message", async () => {
      desk.answer("readSchema", async () => ({ text: "x".repeat(limits.messageBytesMax), zookie: "z" }));
      await assert.rejects(remote.readSchema({}, {}), code("response_too_large"));
    });

    it("carries an answer that fills a message to its last byte", async () => {
      const overhead = 1 + 4 + 3;
      desk.answer("readSchema", async () => ({ text: "x".repeat(limits.messageBytesMax - overhead), zookie: "z" }));
      assert.equal((await remote.readSchema({}, {})).text.length, limits.messageBytesMax - overhead);
    });
  });

  describe("cancellation", () => {
    it("aborts the call's signal when the client cancels", async () => {
      const ended = new Promise<unknown>((resolve) => {
        desk.answer("check", async (_request, call) => untilAborted(call).catch((error: unknown) => {
          resolve(error);
          throw error;
        }));
      });
      const controller = new AbortController();
      const answer = remote.check(request, { signal: controller.signal });
      setTimeout(() => controller.abort(), 50);
      await assert.rejects(answer, code("cancelled"));
      assert.ok(code("cancelled")(await ended));
      assert.deepEqual(unexpected, []);
    });

    it("aborts the call's signal at the deadline", async () => {
      const hurried = new Remote(server.address, { deadlineMs: 100 });
      const ended = new Promise<unknown>((resolve) => {
        desk.answer("check", async (_request, { signal }) => {
          signal?.addEventListener("abort", () => resolve(signal.reason));
          return new Promise(() => undefined);
        });
      });
      await assert.rejects(hurried.check(request, {}), code("deadline_exceeded"));
      const reason = await ended;
      assert.ok(reason instanceof UsherError && ["deadline_exceeded", "cancelled"].includes(reason.code));
      await hurried.close();
    });

    it("does not answer a call that was cancelled, and goes on", async () => {
      const controller = new AbortController();
      desk.answer("check", async (_request, call) => {
        await untilAborted(call).catch(() => undefined);
        return { allowed: true, missingFields: [], zookie: "z", instant: 1 };
      });
      const answer = remote.check(request, { signal: controller.signal });
      setTimeout(() => controller.abort(), 50);
      await assert.rejects(answer, code("cancelled"));
      desk.answer("check", async () => ({ allowed: true, missingFields: [], zookie: "z", instant: 1 }));
      assert.equal((await remote.check(request, {})).allowed, true);
    });

    it("does not abort the signal of a call that ended well", async () => {
      let signal: AbortSignal | undefined;
      desk.answer("check", async (_request, call) => {
        signal = call.signal;
        return { allowed: true, missingFields: [], zookie: "z", instant: 1 };
      });
      await remote.check(request, {});
      assert.equal(signal?.aborted, false);
    });
  });

  describe("streams", () => {
    it("ends the service's iterator when the client leaves", async () => {
      let left: () => void;
      const leaving = new Promise<void>((resolve) => (left = resolve));
      desk.answer("watchTuples", async function* (_request, call) {
        try {
          yield checkpoint;
          await untilAborted(call);
        } finally {
          left();
        }
      });
      for await (const event of remote.watchTuples({}, {})) {
        assert.deepEqual(event, checkpoint);
        break;
      }
      await leaving;
    });

    it("gives a stream's error its code, after the events before it", async () => {
      desk.answer("watchTuples", async function* () {
        yield checkpoint;
        throw new UsherError("zookie_expired", "too old", { details: { earliest: "z2" } });
      });
      const got: WatchEvent[] = [];
      await assert.rejects(
        (async () => {
          for await (const event of remote.watchTuples({}, {})) got.push(event);
        })(),
        (error: UsherError) => error.code === "zookie_expired" && error.details["earliest"] === "z2",
      );
      assert.deepEqual(got, [checkpoint]);
    });

    it("stops asking the service while a client does not read, and goes on when it does", async () => {
      const large: WatchEvent = { kind: "commit", instant: 1, metadata: { x: "x".repeat(16_000) }, operations: [], last: true, zookie: "z" };
      const count = 2_000;
      let made = 0;
      desk.answer("watchTuples", async function* () {
        for (; made < count; made++) yield large;
      });
      const stream = remote.watchTuples({}, {})[Symbol.asyncIterator]();
      await stream.next();
      const stalledAt = await settled(() => made);
      assert.ok(stalledAt < count / 2, `${stalledAt} events were made for a client that took one`);
      let got = 1;
      while (!(await stream.next()).done) got++;
      assert.equal(got, count);
    });

    it("refuses watchers beyond the bound with overloaded, and takes one when one has left", async () => {
      desk.answer("watchTuples", async function* (_request, call) {
        yield checkpoint;
        await untilAborted(call);
      });
      const open = Array.from({ length: limits.watchersMax }, () => remote.watchTuples({}, {})[Symbol.asyncIterator]());
      await Promise.all(open.map((each) => each.next()));
      const next = () => remote.watchTuples({}, {})[Symbol.asyncIterator]().next();
      await assert.rejects(next(), code("overloaded"));
      await open[0]?.return?.();
      await eventually(async () => assert.equal((await next()).done, false));
    });
  });

  describe("closing", () => {
    it("lets a call end that is under way, and takes no new one", async () => {
      let answer: () => void = () => undefined;
      desk.answer("check", () => new Promise((resolve) => (answer = () => resolve({ allowed: true, missingFields: [], zookie: "z", instant: 1 }))));
      const under = remote.check(request, {});
      await eventually(async () => assert.equal(desk.asked.length, 1));
      const closed = server.close(20_000);
      await assert.rejects(new Remote(server.address).check(request, {}), code("server_unreachable"));
      answer();
      assert.equal((await under).allowed, true);
      await closed;
    });

    it("ends open streams with closed, at once", async () => {
      desk.answer("watchTuples", async function* (_request, call) {
        yield checkpoint;
        await untilAborted(call);
      });
      const stream = remote.watchTuples({}, {})[Symbol.asyncIterator]();
      await stream.next();
      const closed = server.close(20_000);
      await assert.rejects(stream.next(), code("closed"));
      await closed;
    });

    it("ends what does not end within its grace", async () => {
      desk.answer("check", () => new Promise(() => undefined));
      const answer = assert.rejects(remote.check(request, {}), (error: UsherError) => ["server_unreachable", "cancelled"].includes(error.code));
      await eventually(async () => assert.equal(desk.asked.length, 1));
      await server.close(10);
      await answer;
    });

    it("is not held up by a client that takes nothing any more", async () => {
      let sent = 0;
      desk.answer("watchTuples", async function* () {
        for (; ; sent++) yield { ...checkpoint, zookie: "z".repeat(100_000) };
      });
      // Stands between them, and stops reading what the server sends.
      const { host, port } = parseAddress(server.address);
      const sockets: Socket[] = [];
      const between = createServer((near) => {
        const far = connect(port, host);
        for (const socket of [near, far]) sockets.push(socket.on("error", () => undefined));
        near.pipe(far);
        far.on("data", (bytes) => {
          near.write(bytes);
          if (sent > 0) far.pause();
        });
      }).listen(0, host);
      await once(between, "listening");
      const address = between.address();
      assert.ok(typeof address === "object" && address !== null);
      const stalled = new Remote(formatAddress({ host, port: address.port }));
      try {
        const ended = stalled.watchTuples({}, {})[Symbol.asyncIterator]().next().catch(() => undefined);
        await settled(() => sent);
        assert.ok(sent > 0);
        await server.close(10);
        for (const socket of sockets) socket.destroy();
        await ended;
      } finally {
        for (const socket of sockets) socket.destroy();
        between.close();
        await stalled.close();
      }
    });
  });

  describe("addresses", () => {
    const refuse = (address: string, expected: ErrorCode) =>
      assert.rejects(serve(desk, { address, onError: (error) => assert.fail(error) }), code(expected));

    it("refuses to be reached from other machines while there are no keys", async () => {
      for (const address of ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:0", "[::ffff:192.0.2.1]:0"]) await refuse(address, "invalid_configuration");
    });

    it("refuses what is no address", async () => {
      for (const address of ["", "127.0.0.1", ":1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:5", "unix:/tmp/usher", "http://127.0.0.1:1"]) {
        await refuse(address, "invalid_configuration");
      }
    });

    it("names a port that is in use", async () => {
      await refuse(server.address, "address_in_use");
    });

    it("takes a name that stands for this machine", async () => {
      const named = await serve(desk, { address: "localhost:0", onError: (error) => assert.fail(error) });
      assert.match(named.address, /^localhost:[1-9]\d*$/);
      await named.close(0);
    });
  });
});

/** The count once it no longer rises. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count(); ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return count();
}

async function eventually(assertion: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await assertion();
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
