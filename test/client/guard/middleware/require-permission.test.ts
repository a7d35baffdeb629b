import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { Guard } from "../../../../src/client/guard/guard.js";
import { permissionHook, requirePermission } from "../../../../src/client/guard/middleware/require-permission.js";
import { object } from "../../../../src/model/object.js";
import { setUpLeased, type FakeLive } from "../fake-live.js";
import { settle } from "../fake-time.js";

describe("a request that needs a permission", () => {
  let live: FakeLive;
  let guard: Guard;
  let server: Server;
  let url: string;

  beforeEach(async () => {
    ({ live, guard } = await setUpLeased());
    const middleware = requirePermission<IncomingMessage>(guard, (request) => ({ object: object("node", (request.url ?? "").slice(1)), permission: "view_logs", subject: "user:ana" }));
    server = createServer((request: IncomingMessage, response: ServerResponse) => void middleware(request, response, () => response.write("line 1\n")));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/n1`;
  });

  afterEach(() => {
    guard.close();
    server.closeAllConnections();
    server.close();
  });

  async function asked(): Promise<void> {
    while (live.stream.holds.length === 0) await settle();
  }

  it("is let in, and shown out when the permission ends", async () => {
    const answer = fetch(url);
    await asked();
    await live.stream.state("n1", true);
    const response = await answer;
    assert.equal(response.status, 200);
    await live.stream.flip("n1", false);
    await assert.rejects(response.text());
    while (guard.size > 0) await settle();
  });

  it("is refused with 403 where it is denied, with 503 where nobody can say", async () => {
    const denied = fetch(url);
    await asked();
    await live.stream.state("n1", false);
    const response = await denied;
    assert.deepEqual([response.status, await response.json()], [403, { code: "permission_denied" }]);
    guard.close();
    const unknown = await fetch(url);
    assert.deepEqual([unknown.status, await unknown.json()], [503, { code: "closed" }]);
  });

  it("is refused where what it asks for is malformed", async () => {
    const response = await fetch(url.replace("n1", ""));
    assert.deepEqual([response.status, await response.json()], [403, { code: "invalid_id" }]);
  });

  it("is refused where it cannot be said what it needs", async () => {
    const refused: unknown[] = [];
    const response = { destroyed: false, statusCode: 200, once: () => undefined, destroy: () => undefined, setHeader: () => undefined, end: (body: string) => refused.push(body) };
    const failing = [() => undefined as never, () => Promise.reject(new Error("nobody is logged in"))];
    for (const requirement of failing) await requirePermission(guard, requirement)("request", response, () => assert.fail("it was let in"));
    assert.deepEqual([response.statusCode, refused], [503, ['{"code":"internal"}', '{"code":"internal"}']]);
    assert.equal(guard.size, 0);
  });

  it("is given back when its client has gone, before or after it was let in", async () => {
    const controller = new AbortController();
    const gone = assert.rejects(fetch(url, { signal: controller.signal }));
    await asked();
    controller.abort();
    await gone;
    while (guard.size > 0) await settle();
  });

  it("is the same as a hook of Fastify", async () => {
    const raw = { destroyed: false, once: () => undefined, destroy: () => (raw.destroyed = true) };
    const sent: unknown[] = [];
    const reply = { raw, code: (status: number) => ({ send: (body: object) => sent.push(status, body) }) };
    const hook = permissionHook<string>(guard, (id) => ({ object: object("node", id), permission: "view_logs", subject: "user:ana" }));
    let letIn = 0;
    hook("n1", reply, () => letIn++);
    await settle();
    await live.stream.state("n1", true);
    assert.equal(letIn, 1);
    await live.stream.flip("n1", false);
    assert.deepEqual([raw.destroyed, sent], [true, []]);
    const second = { ...reply, raw: { ...raw, destroyed: false } };
    guard.close();
    hook("n1", second, () => letIn++);
    await settle();
    assert.equal(letIn, 1);
    assert.deepEqual(sent, [503, { code: "closed" }]);
  });
});
