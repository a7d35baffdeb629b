import assert from "node:assert/strict";
import { once } from "node:events";

import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { Remote } from "../../src/client/remote.js";
import type { LiveRequest, LiveResponse } from "../../src/model/live.js";
import type { Call, Service } from "../../src/model/service.js";
import { methods } from "../../src/model/wire/methods.js";
import { removeKey } from "../../src/server/access/keys-file.js";
import { serve, type Server, type ServerOptions } from "../../src/server/server.js";
import { has } from "./access/has.js";
import { Place } from "./access/place.js";
import { Desk } from "./desk.js";
import { asIs, eventually, Wire } from "./wire.js";

type Live = Service["live"];

const ping = (nonce: string): LiveRequest => ({ kind: "ping", nonce });
const checkpoint = (nonce: string): LiveResponse => ({ kind: "checkpoint", zookie: "z", instant: 1, nonce, leaseMs: 1_000 });
const nonceOf = (request: LiveRequest): string => (request.kind === "ping" ? request.nonce : assert.fail(request.kind));

/** Answers each ping. */
const echo: Live = async function* (requests) {
  for await (const request of requests) yield checkpoint(nonceOf(request));
};

/** Requests that a test sends one by one. */
class Sender implements AsyncIterable<LiveRequest> {
  readonly #queue: LiveRequest[] = [];
  #ended = false;
  #wake: () => void = () => undefined;
  returned = false;

  send(...requests: LiveRequest[]): this {
    this.#queue.push(...requests);
    this.#wake();
    return this;
  }

  end(): this {
    this.#ended = true;
    this.#wake();
    return this;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LiveRequest, void> {
    try {
      for (;;) {
        const next = this.#queue.shift();
        if (next !== undefined) yield next;
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.returned = true;
    }
  }
}

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const each of iterable) list.push(each);
  return list;
}

async function untilAborted({ signal }: Call): Promise<void> {
  assert.ok(signal);
  if (!signal.aborted) await once(signal, "abort");
}

/** Waits until a number has stopped to rise, and gives it. */
async function settled(value: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = value();
    if (now === before) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

describe("live streams", () => {
  let desk: Desk;
  let server: Server;
  let remote: Remote;
  let unexpected: string[];

  async function start(options: Partial<ServerOptions> = {}): Promise<void> {
    server = await serve(desk, { address: "127.0.0.1:0", onError: (error) => unexpected.push(error.message), ...options });
    remote = new Remote(server.address);
  }

  beforeEach(async () => {
    desk = new Desk();
    desk.answer("live", echo);
    unexpected = [];
    await start();
  });

  afterEach(async () => {
    await remote.close();
    await server.close(100);
    assert.deepEqual(unexpected, []);
  });

  const live = (requests: AsyncIterable<LiveRequest>, call: Call = {}) => remote.live(requests, call)[Symbol.asyncIterator]();

  it("carry both directions at once, and end with their requests", async () => {
    const sender = new Sender().send(ping("1"));
    const stream = live(sender);
    assert.deepEqual((await stream.next()).value, checkpoint("1"));
    for (let i = 0; i < 50; i++) {
      sender.send(ping(`${i}`));
      assert.deepEqual((await stream.next()).value, checkpoint(`${i}`));
    }
    sender.end();
    assert.equal((await stream.next()).done, true);
    await eventually(() => assert.equal(server.load.liveStreams, 0));
  });

  it("go on answering when the requests have ended", async () => {
    desk.answer("live", async function* (requests) {
      const asked = await all(requests);
      for (let i = 0; i < 20; i++) yield checkpoint(`${asked.length} ${i}`);
    });
    assert.equal((await all(remote.live(new Sender().send(ping("1"), ping("2")).end(), {}))).length, 20);
  });

  it("end well where the service ends them while requests may come, and let go of these", async () => {
    desk.answer("live", async function* () {
      yield checkpoint("only");
    });
    const sender = new Sender();
    assert.deepEqual(await all(remote.live(sender, {})), [checkpoint("only")]);
    sender.send(ping("1"));
    await eventually(() => assert.ok(sender.returned));
  });

  it("return the service's iterator, and end its requests, when the consumer leaves", async () => {
    const left: string[] = [];
    desk.answer("live", async function* (requests, call) {
      const reading = all(requests).catch(() => left.push("requests"));
      try {
        yield checkpoint("1");
        await untilAborted(call);
      } finally {
        await reading;
        left.push("responses");
      }
    });
    for await (const _ of remote.live(new Sender(), {})) break;
    await eventually(() => assert.deepEqual(left, ["requests", "responses"]));
    await eventually(() => assert.equal(server.load.liveStreams, 0));
  });

  it("let a service return its requests while it waits for the next", async () => {
    desk.answer("live", async function* (requests) {
      const iterator = requests[Symbol.asyncIterator]();
      const next = iterator.next();
      await iterator.return?.();
      assert.equal((await next).done, true);
      yield checkpoint("1");
    });
    assert.deepEqual(await all(remote.live(new Sender(), {})), [checkpoint("1")]);
  });

  it("give an error its code, after the responses before it", async () => {
    desk.answer("live", async function* (requests) {
      for await (const request of requests) {
        if (nonceOf(request) === "2") throw new UsherError("invalid_request", "the second is wrong");
        yield checkpoint(nonceOf(request));
      }
    });
    const stream = live(new Sender().send(ping("1"), ping("2")));
    assert.deepEqual((await stream.next()).value, checkpoint("1"));
    await assert.rejects(stream.next(), has("invalid_request", /the second is wrong/));
  });

  it("tell nothing of an error without a code, and report it", async () => {
    desk.answer("live", async function* () {
      yield checkpoint("1");
      throw new TypeError("secret");
    });
    await assert.rejects(all(remote.live(new Sender(), {})), (error: Error) => has("internal")(error) && !error.message.includes("secret"));
    assert.deepEqual(unexpected.splice(0), ["secret"]);
  });

  it("are cancelled where the requests themselves fail, whose error is thrown", async () => {
    const ended = new Promise<unknown>((resolve) => desk.answer("live", async function* (requests, { signal }) {
      try {
        yield checkpoint("1");
        await all(requests).catch(() => undefined);
      } finally {
        resolve(signal?.reason);
      }
    }));
    let answered: () => void = () => undefined;
    const answer = new Promise<void>((resolve) => (answered = resolve));
    async function* failing(): AsyncGenerator<LiveRequest, void> {
      yield ping("1");
      await answer;
      throw new RangeError("mine");
    }
    const stream = live(failing());
    await stream.next();
    answered();
    await assert.rejects(stream.next(), /mine/);
    assert.ok(has("cancelled")(await ended));
    const wrong = new Sender().send({ kind: "hold", holds: [{ id: -1 } as never] });
    await assert.rejects(all(remote.live(wrong, {})), has("invalid_request", /holds\[0\]/));
    await eventually(() => assert.ok(wrong.returned));
  });

  it("end with the signal, and with the client", async () => {
    const controller = new AbortController();
    const sender = new Sender().send(ping("1"));
    const [aborted, closed] = [live(sender, { signal: controller.signal }), live(new Sender().send(ping("1")))];
    for (const stream of [aborted, closed]) await stream.next();
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(aborted.next(), has("cancelled"));
    sender.send(ping("2"));
    await eventually(() => assert.ok(sender.returned));
    const ending = assert.rejects(closed.next(), has("closed"));
    await remote.close();
    await ending;
    await assert.rejects(live(new Sender()).next(), has("closed"));
    await eventually(() => assert.equal(server.load.liveStreams, 0));
  });

  it("end with what cannot be read, whatever the service makes of it", async () => {
    desk.answer("live", async function* (requests, call) {
      await all(requests).catch(() => undefined);
      await untilAborted(call);
      yield checkpoint("never");
    });
    const wire = new Wire(server.address);
    const stream = wire.client.makeBidiStreamRequest(methods.live.path, asIs, asIs);
    stream.write(Buffer.from([0xff]));
    stream.resume();
    const [error] = (await once(stream, "error")) as [{ code: number }];
    assert.equal(error.code, 3);
    wire.close();
  });

  it("take a request that fills a message to its last byte, and none that is larger", async () => {
    const overhead = 1 + 4 + 1 + 4;
    const nonce = "n".repeat(limits.messageBytesMax - overhead);
    desk.answer("live", async function* (requests) {
      for await (const request of requests) yield checkpoint(String(nonceOf(request).length));
    });
    assert.deepEqual(await all(remote.live(new Sender().send(ping(nonce)).end(), {})), [checkpoint(String(nonce.length))]);
    await assert.rejects(all(remote.live(new Sender().send(ping(`${nonce}n`)).end(), {})), has("request_too_large"));
    const wire = new Wire(server.address);
    const stream = wire.client.makeBidiStreamRequest(methods.live.path, asIs, asIs);
    stream.write(Buffer.alloc(limits.messageBytesMax + 1));
    stream.resume();
    const [error] = (await once(stream, "error")) as [{ code: number }];
    assert.equal(error.code, 8, "the transport refuses it before it is read");
    wire.close();
  });

  it("say so where a response is too large for one message", async () => {
    desk.answer("live", async function* () {
      yield checkpoint("n".repeat(limits.messageBytesMax));
    });
    await assert.rejects(all(remote.live(new Sender(), {})), has("response_too_large"));
  });

  it("ask the service for no more than a client reads, and hold a bounded part of it", async () => {
    let sent = 0;
    const bytes = 50_000;
    desk.answer("live", async function* () {
      for (; ; sent++) yield checkpoint("n".repeat(bytes));
    });
    const stream = live(new Sender());
    await stream.next();
    const before = await settled(() => sent);
    assert.ok(before * bytes < 4 * limits.messageBytesMax, `${before} were sent`);
    assert.ok(server.load.streamBytes > 0 && server.load.streamBytes <= limits.streamBufferBytesMax + bytes + 100);
    for (let i = 0; i < 200; i++) await stream.next();
    await eventually(() => assert.ok(sent > before));
    await stream.return(undefined);
    await eventually(() => assert.equal(server.load.streamBytes, 0));
  });

  it("ask a client for no more than the service reads", async () => {
    let asked = 0;
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    desk.answer("live", async function* (requests) {
      await held;
      for await (const _ of requests) yield checkpoint("1");
    });
    async function* many(): AsyncGenerator<LiveRequest, void> {
      for (; asked < 400; asked++) yield ping("n".repeat(50_000));
    }
    const stream = all(remote.live(many(), {}));
    const before = await settled(() => asked);
    assert.ok(before > 0 && before < 200, `${before} were asked for`);
    go();
    assert.equal((await stream).length, 400);
  });

  it("are bounded in number, apart from those that watch", async () => {
    await remote.close();
    await server.close(100);
    await start({ bounds: { liveStreamsMax: 2, watchersMax: 1 } });
    desk.answer("watchTuples", async function* (_request, call) {
      yield { kind: "checkpoint", zookie: "z", instant: 1 };
      await untilAborted(call);
    });
    const watch = remote.watchTuples({}, {})[Symbol.asyncIterator]();
    await watch.next();
    const streams = [live(new Sender().send(ping("1"))), live(new Sender().send(ping("1")))];
    for (const stream of streams) await stream.next();
    assert.deepEqual([server.load.streams, server.load.liveStreams], [1, 2]);
    await assert.rejects(live(new Sender().send(ping("1"))).next(), has("overloaded", /2 live streams are connected/));
    await streams[0]?.return(undefined);
    await eventually(async () => assert.equal((await live(new Sender().send(ping("1")).end()).next()).done, false));
    await watch.return?.();
  });

  it("are told that the server is going, go on for a moment, and end with closed", async () => {
    const heard: string[] = [];
    desk.answer("live", async function* (requests) {
      for await (const request of requests) {
        heard.push(nonceOf(request));
        yield checkpoint(nonceOf(request));
      }
    });
    const senders = Array.from({ length: 5 }, () => new Sender().send(ping("1")));
    const streams = senders.map((sender) => live(sender));
    for (const stream of streams) await stream.next();
    const closed = server.close(20_000);
    const waits: number[] = [];
    for (const [i, stream] of streams.entries()) {
      const { value } = await stream.next();
      assert.ok(value?.kind === "draining", value?.kind);
      waits.push(value.reconnectAfterMs);
      senders[i]?.send(ping("after"));
    }
    assert.ok(waits.every((ms) => ms >= 0 && ms < limits.reconnectSpreadMs) && new Set(waits).size > 1, waits.join());
    for (const stream of streams) {
      assert.deepEqual((await stream.next()).value, checkpoint("after"));
      await assert.rejects(stream.next(), has("closed", /the server is stopping: open another when it is back/));
    }
    await closed;
    assert.equal(heard.filter((nonce) => nonce === "after").length, 5);
  });

  it("are told so too where they have become old", async () => {
    await remote.close();
    await server.close(100);
    await start({ bounds: { connectionAgeMs: 60_000, connectionAgeGraceMs: 200 } });
    const stream = live(new Sender().send(ping("1")));
    await stream.next();
    assert.equal((await stream.next()).value?.kind, "draining");
    await assert.rejects(stream.next(), has("closed", /as long as streams may: open another, at once/));
  });

  describe("with keys", () => {
    let place: Place;
    let guarded: Server;

    beforeEach(async () => {
      place = await Place.open();
      guarded = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), access: place.access });
    });
    afterEach(async () => {
      await guarded.close(100);
      await place.close();
    });

    async function clientOf<T>(key: string | undefined, body: (client: Remote) => Promise<T>): Promise<T> {
      const client = new Remote(guarded.address, key === undefined ? {} : { key });
      try {
        return await body(client);
      } finally {
        await client.close();
      }
    }

    it("are refused to who has none, and to a key without the role", async () => {
      const requests = () => new Sender().send(ping("1")).end();
      await clientOf(undefined, (client) => assert.rejects(all(client.live(requests(), {})), has("unauthenticated")));
      const writer = await place.key("writer", "a", ["write"]);
      await clientOf(writer, (client) => assert.rejects(all(client.live(requests(), {})), has("permission_denied", /`read`/)));
      assert.deepEqual(desk.asked, [], "the service hears nothing of them");
    });

    it("take a key that may read alone, as its principal and its tenant", async () => {
      const reader = await place.key("reader", "a", ["read"]);
      await clientOf(reader, async (client) => assert.deepEqual(await all(client.live(new Sender().send(ping("1")).end(), {})), [checkpoint("1")]));
      const { tenant, principal } = desk.asked[0]?.call ?? {};
      assert.deepEqual({ tenant, principal }, { tenant: "a", principal: "reader" });
      await clientOf(reader, (client) => assert.rejects(all(client.live(new Sender(), { tenant: "b" })), has("permission_denied")));
    });

    it("end at once when their key is revoked", async () => {
      const gone = await place.key("gone", "a", ["read"]);
      await clientOf(gone, async (client) => {
        const stream = client.live(new Sender().send(ping("1")), {});
        await stream.next();
        await removeKey(place.keys, "gone");
        const ended = assert.rejects(stream.next(), has("unauthenticated", /`gone` was revoked/));
        await place.access.reload();
        await ended;
      });
    });
  });
});
