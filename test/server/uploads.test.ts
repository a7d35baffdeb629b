import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import { limits } from "../../src/base/limits.js";
import type { ImportTuplesRequest } from "../../src/model/service.js";
import { connect } from "../../src/client/usher.js";
import { serve } from "../../src/server/server.js";
import { Uploads } from "../../src/server/uploads.js";
import { has } from "./access/has.js";
import { Desk } from "./desk.js";

describe("uploads", () => {
  it("are so many a tenant, and each tenant's are counted by themselves", () => {
    const uploads = new Uploads();
    const leave = Array.from({ length: limits.importsPerTenantMax }, () => uploads.add("a"));
    assert.throws(() => uploads.add("a"), has("overloaded", /8 imports of the tenant/));
    uploads.add("b")();
    leave[0]?.();
    leave[0] = uploads.add("a");
    assert.throws(() => uploads.add("a"), has("overloaded"));
    for (const each of leave) each();
    uploads.add("a")();
  });

  it("end where the next message does not come, and not while the server is busy with one", async () => {
    const uploads = new Uploads(60);
    const controller = new AbortController();
    let closed = false;
    async function* messages(): AsyncGenerator<number, void> {
      try {
        yield 1;
        yield 2;
        await new Promise((_, reject) => controller.signal.addEventListener("abort", () => reject(controller.signal.reason as Error)));
      } finally {
        closed = true;
      }
    }
    const seen: number[] = [];
    await assert.rejects(async () => {
      for await (const message of uploads.timed(messages(), controller)) {
        seen.push(message);
        await delay(120);
        assert.equal(controller.signal.aborted, false, "it is the server that was slow");
      }
    }, has("deadline_exceeded", /within 0\.06 s/));
    assert.deepEqual(seen, [1, 2]);
    assert.ok(closed);
  });

  it("give what was sent, to the end, and close their source when their reader leaves", async () => {
    const uploads = new Uploads();
    let closed = 0;
    async function* messages(): AsyncGenerator<number, void> {
      try {
        yield* [1, 2, 3];
      } finally {
        closed++;
      }
    }
    const seen: number[] = [];
    for await (const message of uploads.timed(messages(), new AbortController())) seen.push(message);
    assert.deepEqual(seen, [1, 2, 3]);
    for await (const _ of uploads.timed(messages(), new AbortController())) break;
    assert.equal(closed, 2);
  });

  it("of one tenant never keep another's out", async () => {
    const desk = new Desk();
    const server = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
    const usher = await connect(server.address);
    let hold: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (hold = resolve));
    desk.answer("importTuples", async () => ({ zookie: "z", imported: 1, changed: 1, chunks: 1, skipped: 0, problems: [] }));
    async function* slow(): AsyncGenerator<string, void> {
      await held;
      yield "doc:1#viewer@user:ana";
    }
    const open = Array.from({ length: limits.importsPerTenantMax }, () => usher.withTenant("a").importTuples(slow(), {}));
    await delay(100);
    await assert.rejects(usher.withTenant("a").importTuples(["doc:1#viewer@user:ana"], {}), has("overloaded", /imports of the tenant/));
    assert.equal((await usher.withTenant("b").importTuples(["doc:1#viewer@user:ana"], {})).imported, 1);
    hold();
    await Promise.all(open);
    const requests = desk.asked.map(({ request }) => request as ImportTuplesRequest[]);
    assert.equal(requests.length, limits.importsPerTenantMax + 1);
    await usher.close();
    await server.close(100);
  });
});
