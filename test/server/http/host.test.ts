import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { abortError } from "../../../src/base/abort.js";
import { errorCodes, UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import type { Call } from "../../../src/model/service.js";
import { parseAddress } from "../../../src/model/wire/address.js";
import type { HttpOptions } from "../../../src/server/http/host.js";
import { httpStatuses } from "../../../src/server/http/http-statuses.js";
import { serve, type Server, type ServerOptions } from "../../../src/server/server.js";
import { unobservedServer, type CallRecord } from "../../../src/server/telemetry/observer.js";
import { Desk } from "../desk.js";
import { eventually } from "../wire.js";
import { ask, codeOf, Probe } from "./probe.js";

/** Waits until the signal aborts, as a handler does that is asked for something long. */
async function untilAborted({ signal }: Call): Promise<never> {
  assert.ok(signal);
  if (!signal.aborted) await once(signal, "abort");
  throw abortError(signal);
}

describe("the HTTP host", () => {
  let probe: Probe;
  let server: Server;
  let address: string;
  let reported: [message: string, path: string][];
  let begun: string[];
  let ended: CallRecord[];

  async function open(http: Partial<HttpOptions> = {}, options: Partial<ServerOptions> = {}): Promise<void> {
    probe = new Probe();
    [reported, begun, ended] = [[], [], []];
    server = await serve(new Desk(), {
      address: "127.0.0.1:0",
      onError: (error, path) => reported.push([error.message, path]),
      observer: { ...unobservedServer, onBegin: (method) => begun.push(method), onEnd: (record) => ended.push(record) },
      http: { address: "127.0.0.1:0", adapters: [probe], ...http },
      ...options,
    });
    address = server.httpAddress ?? "";
  }

  /** Bytes as they are, and what comes back until the connection ends. */
  async function raw(...parts: readonly string[]): Promise<string> {
    const socket = connect(parseAddress(address));
    let text = "";
    socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
    socket.on("error", () => undefined);
    for (const part of parts) socket.write(part);
    await once(socket, "close");
    return text;
  }

  beforeEach(async () => open());
  afterEach(async () => server.close(100));

  describe("a request", () => {
    it("becomes a call: tenant, principal, whom it is for, its trace, its id, whence it comes", async () => {
      const headers = { "usher-tenant": "acme", "usher-actor": "Zo%C3%AB", "usher-session": "s1", "x-request-id": "r-1", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
      const { status, body, headers: answered } = await ask(address, "/probe/a%20b?x=1", { headers, body: { q: "ä" } });
      assert.deepEqual([status, body], [200, { echo: { body: { q: "ä" }, name: "a b", query: { x: "1" } } }]);
      assert.deepEqual([answered["x-request-id"], answered["content-type"], answered["cache-control"]], ["r-1", "application/json; charset=utf-8", "no-store"]);
      const { call } = probe.asked[0] ?? {};
      assert.deepEqual([call?.tenant, call?.principal, call?.actor, call?.session, call?.requestId, call?.traceId], ["acme", "", "Zoë", "s1", "r-1", "0af7651916cd43dd8448eb211c80319c"]);
      assert.match(call?.peer ?? "", /^127\.0\.0\.1:\d+$/);
      assert.deepEqual([begun, ended.map(({ method, code }) => [method, code])], [["POST /probe/:name"], [["POST /probe/:name", "ok"]]]);
    });

    it("gets its own id back whatever it is, and one where it has none", async () => {
      const id = "any text, {even} this \xe4";
      assert.equal((await ask(address, "/probe/a", { headers: { "x-request-id": id }, body: 1 })).headers["x-request-id"], id);
      assert.match(String((await ask(address, "/probe/a", { body: 1 })).headers["x-request-id"]), /^[0-9a-f-]{36}$/);
      assert.equal((await ask(address, "/nowhere", { headers: { "x-request-id": id } })).headers["x-request-id"], id);
    });

    it("may be as large as messages may be, and no larger", async () => {
      const body = (bytes: number) => Buffer.from(`"${"x".repeat(bytes - 2)}"`);
      probe.handle = async () => ({ body: null });
      assert.equal((await ask(address, "/probe/a", { body: body(limits.messageBytesMax) })).status, 200);
      const refused = await ask(address, "/probe/a", { body: body(limits.messageBytesMax + 1) });
      assert.deepEqual([refused.status, codeOf(refused)], [413, "request_too_large"]);
    });

    it("may have headers as large as the bound, and no larger", async () => {
      assert.equal((await ask(address, "/probe/a", { headers: { "x-much": "y".repeat(limits.httpHeaderBytesMax - 400) }, body: 1 })).status, 200);
      const text = await raw(`POST /probe/a HTTP/1.1\r\nhost: h\r\nx-much: ${"y".repeat(limits.httpHeaderBytesMax)}\r\n\r\n`);
      assert.match(text, /^HTTP\/1\.1 431 .*"code":"request_too_large"/s);
    });

    for (const [what, asked, status, problem] of [
      ["no JSON", { body: Buffer.from("{") }, 400, /the body is no JSON/],
      ["nothing", { headers: { "content-type": "application/json" }, body: Buffer.alloc(0) }, 400, /the body is empty/],
      ["no UTF-8", { body: Buffer.from([0x22, 0xff, 0x22]) }, 400, /not UTF-8/],
      ["another type", { headers: { "content-type": "text/plain" }, body: 1 }, 415, /content-type: application\/json/],
      ["a header that is no ASCII", { headers: { "usher-tenant": "\xe4" }, body: 1 }, 400, /`usher-tenant`/],
      ["two tenants", { headers: { "usher-tenant": ["a", "b"] }, body: 1 }, 400, /given 2 times/],
      ["an actor that is not encoded", { headers: { "usher-actor": "a b" }, body: 1 }, 400, /`usher-actor`/],
    ] as const) {
      it(`that brings ${what} is refused`, async () => {
        const refused = await ask(address, "/probe/a", asked);
        assert.deepEqual([refused.status, codeOf(refused)], [status, "invalid_request"]);
        assert.match(refused.text, problem);
        assert.equal(probe.asked.length, 0);
      });
    }

    it("for what there is not is refused without its body being read, and counted under one name", async () => {
      const refused = await ask(address, "/nowhere?secret=1", { body: Buffer.alloc(limits.messageBytesMax + 1) });
      assert.deepEqual([refused.status, codeOf(refused)], [404, "invalid_request"]);
      assert.ok(!refused.text.includes("secret"));
      assert.equal((await ask(address, "/probe/a", { method: "GET" })).status, 404);
      assert.deepEqual(new Set(begun), new Set(["unknown route"]));
      assert.equal(ended.length, 2);
    });

    it("that is no HTTP, or whose URL is none, is told so", async () => {
      assert.match(await raw("what is this\r\n\r\n"), /^HTTP\/1\.1 400 .*"code":"invalid_request"/s);
      assert.equal(codeOf(await ask(address, "/%zz", { body: 1 })), "invalid_request");
      assert.deepEqual(reported, []);
    });
  });

  describe("a failure", () => {
    it("has a status for every code, which is an error", async () => {
      for (const code of errorCodes) {
        assert.ok(httpStatuses[code] >= 400 && httpStatuses[code] < 600, code);
        if (code === "internal") continue;
        probe.handle = async () => Promise.reject(new UsherError(code, `it is ${code}`, { details: { retryAfterMs: "1500" } }));
        const { status, body, headers } = await ask(address, "/probe/a", { body: 1 });
        assert.deepEqual([status, body, headers["retry-after"]], [httpStatuses[code], { error: { code, message: `it is ${code}`, details: { retryAfterMs: "1500" } } }, "2"]);
      }
      assert.deepEqual(reported, []);
    });

    it("that no code foresees tells the client nothing, and the owner everything", async () => {
      probe.handle = async () => Promise.reject(new TypeError("secret of the house"));
      const refused = await ask(address, "/probe/a", { body: 1 });
      assert.deepEqual([refused.status, codeOf(refused), refused.text.includes("secret")], [500, "internal", false]);
      assert.deepEqual(reported, [["secret of the house", "POST /probe/:name"]]);
    });

    it("is an answer that is larger than messages may be", async () => {
      probe.handle = async () => ({ body: "x".repeat(limits.messageBytesMax - 2) });
      assert.equal((await ask(address, "/probe/a", { body: 1 })).status, 200);
      probe.handle = async () => ({ body: "x".repeat(limits.messageBytesMax - 1) });
      assert.equal(codeOf(await ask(address, "/probe/a", { body: 1 })), "response_too_large");
    });
  });

  describe("the end of a call before its answer", () => {
    it("is its deadline", async () => {
      await server.close(0);
      await open({ callMs: 50 });
      probe.handle = (_body, call) => untilAborted(call);
      const late = await ask(address, "/probe/a", { body: 1 });
      assert.deepEqual([late.status, codeOf(late)], [504, "deadline_exceeded"]);
    });

    it("is that it does not arrive in time", async () => {
      await server.close(0);
      await open({ requestMs: 200 });
      assert.match(await raw("POST /probe/a HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"), /^HTTP\/1\.1 408 .*"code":"deadline_exceeded"/s);
      assert.match(await raw("POST /probe/a HTTP/1.1\r\nhost: h\r\n"), /^HTTP\/1\.1 408 /);
      assert.equal(server.load.callsUnderWay, 0);
    });

    it("is its client going away, and it is counted as that", async () => {
      const gone = new AbortController();
      let reason: unknown;
      probe.handle = async (_body, call) => {
        gone.abort();
        return untilAborted(call).catch((thrown: unknown) => {
          reason = thrown;
          throw thrown;
        });
      };
      await assert.rejects(ask(address, "/probe/a", { body: 1, signal: gone.signal }));
      await eventually(() => assert.equal(ended[0]?.code, "cancelled"));
      assert.equal((reason as UsherError).code, "cancelled");
      assert.equal(server.load.callsUnderWay, 0);
    });

    it("is counted once where the client goes away while its body comes", async () => {
      const socket = connect(parseAddress(address));
      socket.write("POST /probe/a HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
      await eventually(() => assert.equal(begun.length, 1));
      socket.destroy();
      await eventually(() => assert.deepEqual(ended.map(({ code }) => code), ["cancelled"]));
    });
  });

  describe("under load", () => {
    it("sheds by class, with the time after which to retry, and what takes away never", async () => {
      await server.close(0);
      await open({}, { bounds: { callsMax: 10 } });
      const free: (() => void)[] = [];
      probe.handle = () => new Promise((resolve) => free.push(() => resolve({ body: null })));
      const held = Array.from({ length: 8 }, () => ask(address, "/probe/a", { body: 1 }));
      await eventually(() => assert.equal(free.length, 8));
      const shed = await ask(address, "/probe/a", { body: 1 });
      assert.deepEqual([shed.status, codeOf(shed), shed.headers["retry-after"]], [503, "overloaded", "1"]);
      const writes = ["give", "give"].map((body) => ask(address, "/write", { body }));
      await eventually(() => assert.equal(free.length, 10));
      assert.equal(codeOf(await ask(address, "/write", { body: "give" })), "overloaded");
      const revocation = ask(address, "/write", { body: "take" });
      await eventually(() => assert.equal(free.length, 11));
      for (const each of free) each();
      assert.deepEqual((await Promise.all([...held, ...writes, revocation])).map(({ status }) => status), Array.from({ length: 11 }, () => 200));
      assert.equal(server.load.callsUnderWay, 0);
    });

    it("takes so many connections, and closes those beyond", async () => {
      await server.close(0);
      await open({ connectionsMax: 2 });
      const sockets: Socket[] = [];
      const closed: number[] = [];
      for (let i = 0; i < 3; i++) {
        const socket = connect(parseAddress(address));
        socket.on("error", () => undefined).once("close", () => closed.push(i));
        sockets.push(socket);
        await once(socket, "connect");
      }
      await eventually(() => assert.deepEqual(closed, [2]));
      for (const socket of sockets) socket.destroy();
    });
  });

  describe("closing", () => {
    it("lets what is under way end, and takes nothing more", async () => {
      let free: () => void = () => undefined;
      probe.handle = () => new Promise((resolve) => (free = () => resolve({ body: "done" })));
      const under = ask(address, "/probe/a", { body: 1 });
      await eventually(() => assert.equal(probe.asked.length, 1));
      const closing = server.close(10_000);
      await assert.rejects(ask(address, "/probe/a", { body: 1 }));
      free();
      const { status, body, headers } = await under;
      assert.deepEqual([status, body, headers.connection], [200, "done", "close"]);
      await closing;
    });

    it("ends after its grace what does not", async () => {
      probe.handle = (_body, call) => untilAborted(call);
      const under = assert.rejects(ask(address, "/probe/a", { body: 1 }));
      await eventually(() => assert.equal(probe.asked.length, 1));
      await server.close(50);
      await under;
    });

    it("tells whoever goes on asking on a connection that it stops", async () => {
      const free: (() => void)[] = [];
      probe.handle = () => new Promise((resolve) => free.push(() => resolve({ body: "done" })));
      const request = "POST /probe/a HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n1";
      const socket = connect(parseAddress(address));
      let text = "";
      socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
      socket.write(request);
      await eventually(() => assert.equal(free.length, 1));
      const closing = server.close(10_000);
      socket.write(request);
      await eventually(() => assert.equal(begun.length, 2));
      free[0]?.();
      await closing;
      await eventually(() => assert.match(text, /200 OK.*"done"/s));
      assert.deepEqual(ended.map(({ code }) => code).sort(), ["closed", "ok"]);
    });
  });

  it("tells under which URL others reach it, if it was told, and else where it is", async () => {
    assert.deepEqual((await ask(address, "/open", { method: "GET" })).body, { url: `http://${address}` });
    await server.close(0);
    await open({ url: "https://usher.example/pdp/" });
    assert.deepEqual((await ask(address, "/open", { method: "GET" })).body, { url: "https://usher.example/pdp" });
  });

  it("says that its address is in use, or cannot be had", async () => {
    const http = { address, adapters: [] };
    await assert.rejects(serve(new Desk(), { address: "127.0.0.1:0", onError: assert.fail, http }), (error: UsherError) => error.code === "address_in_use" && error.message.includes("httpAddress"));
    for (const wrong of ["0.0.0.0:0", "192.0.2.1:0"]) {
      await assert.rejects(serve(new Desk(), { address: "127.0.0.1:0", onError: assert.fail, http: { address: wrong, adapters: [] } }), (error: UsherError) => error.code === "invalid_configuration");
    }
  });
});
