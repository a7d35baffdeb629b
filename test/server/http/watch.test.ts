import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { Database } from "../../../src/database/database.js";
import type { WatchEvent, WatchTuplesRequest } from "../../../src/model/service.js";
import type { Tuple } from "../../../src/model/tuple.js";
import { removeKey } from "../../../src/server/access/keys-file.js";
import { watchAdapter } from "../../../src/server/http/watch.js";
import { serve, type Server, type ServerOptions } from "../../../src/server/server.js";
import { Place } from "../access/place.js";
import { Desk } from "../desk.js";
import { eventually } from "../wire.js";
import { ask, codeOf } from "./probe.js";

interface ServerSentEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: { readonly zookie?: string; readonly operations?: readonly { readonly kind: string; readonly tuple: string }[]; readonly code?: string; readonly schema?: string };
}

/** One stream, read as a browser reads it. */
class Watching {
  readonly events: ServerSentEvent[] = [];
  ended = false;
  #text = "";
  readonly #sent;

  constructor(address: string, query: string, headers: Record<string, string> = {}) {
    this.#sent = request(`http://${address}/v1/watch${query}`, { headers, agent: false }, (response) => {
      assert.equal(response.headers["content-type"], "text/event-stream");
      response.on("data", (bytes: Buffer) => this.#take(bytes.toString("utf8")));
      response.on("error", () => undefined);
      response.on("close", () => (this.ended = true));
    });
    this.#sent.on("error", () => undefined).end();
  }

  get tuples(): string[] {
    return this.events.flatMap(({ data }) => data.operations?.map(({ kind, tuple }) => `${kind} ${tuple}`) ?? []);
  }

  close(): void {
    this.#sent.destroy();
  }

  #take(text: string): void {
    this.#text += text;
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
      const data = fields.get("data");
      if (data === undefined) continue;
      const id = fields.get("id");
      this.events.push({ ...(id === undefined ? {} : { id }), event: fields.get("event") ?? "", data: JSON.parse(data) as ServerSentEvent["data"] });
    }
  }
}

const tuple = (id: string, user: string): Tuple => ({ object: { type: "doc", id }, relation: "viewer", subject: { type: "user", id: user, relation: "" } });

describe("changes as server-sent events", () => {
  let folder: string;
  let database: Database;
  let server: Server;
  let streams: Watching[];

  const touch = (id: string, user = "ana") => database.writeTuples({ operations: [{ kind: "touch", tuple: tuple(id, user) }] }, {});

  function watch(query = "", headers: Record<string, string> = {}): Watching {
    const watching = new Watching(server.httpAddress ?? "", query, headers);
    streams.push(watching);
    return watching;
  }

  async function open(options: Partial<ServerOptions> = {}): Promise<void> {
    server = await serve(database, { address: "127.0.0.1:0", onError: assert.fail, http: { address: "127.0.0.1:0", adapters: [watchAdapter(database)] }, ...options });
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-events-"));
    database = await Database.open(folder);
    await database.writeSchema({ text: "definition user {}\ndefinition doc { relation viewer: user }" }, {});
    streams = [];
    await open();
  });
  afterEach(async () => {
    for (const each of streams) each.close();
    await server.close(100);
    await database.close();
    await rm(folder, { recursive: true });
  });

  it("come as they are committed, each with its zookie, and checkpoints between", async () => {
    const watching = watch("?checkpoint=100ms");
    await eventually(() => assert.ok(watching.events.length > 0));
    const { zookie } = await touch("1");
    await eventually(() => assert.deepEqual(watching.tuples, ["write doc:1#viewer@user:ana"]));
    const commit = watching.events.find(({ event }) => event === "commit");
    assert.deepEqual([commit?.id, commit?.data.zookie], [zookie, zookie]);
    await eventually(() => assert.ok(watching.events.at(-1)?.event === "checkpoint" && watching.events.at(-1)?.id === zookie));
  });

  it("go on after the last that a client had, by its header before its URL, without gap or repetition", async () => {
    const first = await touch("1");
    await touch("2");
    const again = watch(`?from_earliest=true&after=${first.zookie}`);
    await eventually(() => assert.deepEqual(again.tuples, ["write doc:2#viewer@user:ana"]));
    const last = again.events.findLast(({ id }) => id !== undefined)?.id ?? "";
    again.close();
    await touch("3");
    const resumed = watch("?from_earliest=true", { "last-event-id": last });
    await eventually(() => assert.deepEqual(resumed.tuples, ["write doc:3#viewer@user:ana"]));
  });

  it("are those that the filter matches", async () => {
    const watching = watch("?from_earliest=true&object_type=doc&object_id_prefix=a&relation=viewer&subject_type=user&subject_id=ben");
    const schema = watch("?from_earliest=true&object_type=doc&object_id=none&schema_changes=true");
    await touch("b1", "ben");
    await touch("a1");
    await touch("a2", "ben");
    await eventually(() => assert.deepEqual(watching.tuples, ["write doc:a2#viewer@user:ben"]));
    await eventually(() => assert.match(schema.events[0]?.data.schema ?? "", /definition doc/));
    assert.deepEqual(schema.tuples, []);
  });

  it("are refused with a status, where it is seen at once that they cannot be had", async () => {
    const cases: readonly (readonly [query: string, code: string])[] = [
      ["?objekt=doc", "invalid_request"],
      ["?relation=viewer&relation=editor", "invalid_request"],
      ["?relation=viewer", "invalid_filter"],
      ["?object_type=a-b", "invalid_name"],
      ["?schema_changes=yes", "invalid_request"],
      ["?checkpoint=1ms", "invalid_request"],
      [`?checkpoint=${limits.watchCheckpointMsMin - 1}ms`, "invalid_request"],
      ["?checkpoint=2d", "invalid_request"],
      ["?after=nonsense", "invalid_zookie"],
    ];
    for (const [query, code] of cases) {
      const refused = await ask(server.httpAddress ?? "", `/v1/watch${query}`, { method: "GET" });
      assert.deepEqual([codeOf(refused), refused.status], [code, 400], query);
    }
    assert.equal(server.load.streams, 0);
  });

  it("say why they end, when the server does", async () => {
    const watching = watch("?checkpoint=100ms");
    await eventually(() => assert.ok(watching.events.length > 0));
    await server.close(1_000);
    await eventually(() => assert.deepEqual([watching.events.at(-1)?.event, watching.events.at(-1)?.data.code, watching.ended], ["end", "closed", true]));
  });

  it("hold up no end of the server, though their client would keep its connection", async () => {
    const { body } = await fetch(`http://${server.httpAddress}/v1/watch?checkpoint=100ms`);
    const idle = await fetch(`http://${server.httpAddress}/v1/watch?wrong=1`);
    assert.equal(idle.status, 400);
    await idle.text();
    await server.close(600_000);
    assert.match(await new Response(body).text(), /event: end/);
  });

  it("are no more at a time than watchers may be, and leave their place when their client goes", async () => {
    await server.close(0);
    await open({ bounds: { watchersMax: 1 } });
    const first = watch("?checkpoint=100ms");
    await eventually(() => assert.ok(first.events.length > 0));
    const refused = await ask(server.httpAddress ?? "", "/v1/watch", { method: "GET" });
    assert.deepEqual([refused.status, codeOf(refused)], [503, "overloaded"]);
    first.close();
    await eventually(() => assert.equal(server.load.streams, 0));
    const next = watch("?checkpoint=100ms");
    await eventually(() => assert.ok(next.events.length > 0));
  });

  it("cost a slow client a bounded queue, and return their iterator", async () => {
    await server.close(0);
    const desk = new Desk();
    let taken = 0;
    let returned = false;
    const event: WatchEvent = { kind: "commit", zookie: "z", instant: 1, metadata: { text: "x".repeat(65_536) }, operations: [], last: true };
    desk.answer("watchTuples", async function* (_request: WatchTuplesRequest) {
      try {
        for (;;) {
          taken++;
          yield event;
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        returned = true;
      }
    });
    server = await serve(desk, { address: "127.0.0.1:0", onError: assert.fail, http: { address: "127.0.0.1:0", adapters: [watchAdapter(desk)] } });
    const stopped = request(`http://${server.httpAddress}/v1/watch`, { agent: false }, (response) => response.pause());
    stopped.on("error", () => undefined).end();
    let before = -1;
    await eventually(() => {
      const still = taken > 0 && taken === before;
      before = taken;
      assert.ok(still);
    });
    assert.ok(server.load.streamBytes <= limits.streamBufferBytesMax + 2 * 65_536, String(server.load.streamBytes));
    stopped.destroy();
    await eventually(() => assert.ok(returned));
    assert.equal(server.load.streamBytes, 0);
  });

  it("have checkpoints unless told otherwise, and fail with a status for as long as they have not begun", async () => {
    await server.close(0);
    const desk = new Desk();
    let failMs = 0;
    desk.answer("watchTuples", async function* () {
      await new Promise((resolve) => setTimeout(resolve, failMs));
      throw new UsherError("zookie_expired", "it is too old");
      yield { kind: "checkpoint", zookie: "z", instant: 1 } as const;
    });
    server = await serve(desk, { address: "127.0.0.1:0", onError: assert.fail, http: { address: "127.0.0.1:0", adapters: [watchAdapter(desk)] } });
    const get = (headers = {}) => ask(server.httpAddress ?? "", "/v1/watch", { method: "GET", headers });
    assert.deepEqual([(await get()).status, desk.asked[0]?.request], [410, { checkpointMs: limits.eventsCheckpointMsDefault }]);
    assert.equal((await get({ "usher-actor": "not encoded" })).status, 400);
    failMs = 3 * limits.streamOpenMs;
    const late = await get();
    assert.deepEqual([late.status, late.text], [200, `retry: ${limits.eventsRetryMs}\n\nevent: end\ndata: {"code":"zookie_expired","message":"it is too old"}\n\n`]);
    assert.equal(server.load.streams, 0);
  });

  it("take a key of the role `read`, and end with it", async () => {
    const place = await Place.open();
    const reader = await place.key("reader", "default", ["read"]);
    const writer = await place.key("writer", "default", ["write"]);
    const guarded = await serve(place.database, { address: "127.0.0.1:0", onError: assert.fail, access: place.access, http: { address: "127.0.0.1:0", adapters: [watchAdapter(place.database)] } });
    const get = (key: string) => ask(guarded.httpAddress ?? "", "/v1/watch", { method: "GET", headers: { authorization: `Bearer ${key}` } });
    assert.deepEqual([(await get(writer)).status, (await get("usher_x_y")).status], [403, 401]);
    const watching = new Watching(guarded.httpAddress ?? "", "?checkpoint=100ms", { authorization: `Bearer ${reader}` });
    await eventually(() => assert.ok(watching.events.length > 0));
    await removeKey(place.keys, "reader");
    await place.access.reload();
    await eventually(() => assert.deepEqual([watching.events.at(-1)?.event, watching.events.at(-1)?.data.code], ["end", "unauthenticated"]));
    await guarded.close(100);
    await place.close();
  });
});
