import assert from "node:assert/strict";

import fc from "fast-check";

import { Remote } from "../../src/client/remote.js";
import { protoRoot } from "../../src/base/proto.js";
import type { ListHoldsResponse } from "../../src/model/holds.js";
import type { TailEvent } from "../../src/model/audit.js";
import type { LiveRequest, LiveResponse } from "../../src/model/live.js";
import type { Call, ExportTuplesResponse, Service, WatchEvent } from "../../src/model/service.js";
import { auditEnums } from "../../src/model/wire/audit.js";
import { expandKinds } from "../../src/model/wire/expand.js";
import { explanationAnswers, explanationKinds } from "../../src/model/wire/decision.js";
import { causeKinds, heldAnswers } from "../../src/model/wire/live.js";
import { methods } from "../../src/model/wire/methods.js";
import { operationKinds, preconditionKinds } from "../../src/model/wire/tuples.js";
import { changeKinds } from "../../src/model/wire/watch.js";
import { serve, type Server } from "../../src/server/server.js";
import { arbitraries } from "./arbitraries.js";
import { Desk, type Unary } from "./desk.js";

type Answer = (request: unknown, call: Call) => Promise<unknown>;

describe("the wire, from client to server and back", () => {
  let desk: Desk;
  let server: Server;
  let remote: Remote;

  before(async () => {
    desk = new Desk();
    server = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
    remote = new Remote(server.address);
  });

  after(async () => {
    await remote.close();
    await server.close(1_000);
  });

  for (const method of Object.keys(arbitraries).filter((name) => !["watchTuples", "live", "importTuples", "exportTuples", "listHolds", "tailDecisions"].includes(name)) as Unary[]) {
    it(`carries every request and response of ${method}`, async () => {
      const { request, response } = arbitraries[method] as { request: fc.Arbitrary<unknown>; response: fc.Arbitrary<unknown> };
      await fc.assert(
        fc.asyncProperty(request.map(plain), response.map(plain), async (asked, answered) => {
          desk.answer(method, (async () => answered) as Answer as Service[typeof method]);
          const got = await (remote[method].bind(remote) as Answer)(asked, { tenant: "acme" });
          assert.deepStrictEqual(got, answered);
          const last = desk.asked.at(-1);
          assert.deepStrictEqual(last?.request, asked);
          assert.equal(last?.call.tenant, "acme");
        }),
        { numRuns: 60 },
      );
    });
  }

  it("carries every request and event of watchTuples, in order", async () => {
    const { request, response } = arbitraries.watchTuples;
    await fc.assert(
      fc.asyncProperty(request.map(plain), fc.array(response.map(plain), { maxLength: 5 }), async (asked, events) => {
        desk.answer("watchTuples", async function* () {
          yield* events;
        });
        const got: WatchEvent[] = [];
        for await (const event of remote.watchTuples(asked, {})) got.push(event);
        assert.deepStrictEqual(got, events);
        assert.deepStrictEqual(desk.asked.at(-1)?.request, asked);
        assert.equal(desk.asked.at(-1)?.call.tenant, undefined);
      }),
      { numRuns: 60 },
    );
  });

  it("carries every request and response of live, in order", async () => {
    const { request, response } = arbitraries.live;
    await fc.assert(
      fc.asyncProperty(fc.array(request.map(plain), { maxLength: 5 }), fc.array(response.map(plain), { maxLength: 5 }), async (asked, answered) => {
        const heard: LiveRequest[] = [];
        desk.answer("live", async function* (requests) {
          for await (const each of requests) heard.push(each);
          yield* answered;
        });
        const got: LiveResponse[] = [];
        for await (const each of remote.live(from(asked), { tenant: "acme" })) got.push(each);
        assert.deepStrictEqual(got, answered);
        assert.deepStrictEqual(heard, asked);
        assert.equal(desk.asked.at(-1)?.call.tenant, "acme");
      }),
      { numRuns: 60 },
    );
  });

  it("carries every message of importTuples, in order, and its response", async () => {
    const { request, response } = arbitraries.importTuples;
    await fc.assert(
      fc.asyncProperty(fc.array(request.map(plain), { maxLength: 5 }), response.map(plain), async (messages, answered) => {
        desk.answer("importTuples", async () => answered);
        assert.deepStrictEqual(await remote.importTuples(from(messages), { tenant: "acme" }), answered);
        assert.deepStrictEqual(desk.asked.at(-1)?.request, messages);
        assert.equal(desk.asked.at(-1)?.call.tenant, "acme");
      }),
      { numRuns: 60 },
    );
  });

  it("carries every request and batch of exportTuples, in order", async () => {
    const { request, response } = arbitraries.exportTuples;
    await fc.assert(
      fc.asyncProperty(request.map(plain), fc.array(response.map(plain), { maxLength: 5 }), async (asked, batches) => {
        desk.answer("exportTuples", () => from(batches));
        const got: ExportTuplesResponse[] = [];
        for await (const batch of remote.exportTuples(asked, {})) got.push(batch);
        assert.deepStrictEqual(got, batches);
        assert.deepStrictEqual(desk.asked.at(-1)?.request, asked);
      }),
      { numRuns: 60 },
    );
  });

  it("carries every request and page of listHolds, in order", async () => {
    const { request, response } = arbitraries.listHolds;
    await fc.assert(
      fc.asyncProperty(request.map(plain), fc.array(response.map(plain), { maxLength: 5 }), async (asked, pages) => {
        desk.answer("listHolds", () => from(pages));
        const got: ListHoldsResponse[] = [];
        for await (const page of remote.listHolds(asked, {})) got.push(page);
        assert.deepStrictEqual(got, pages);
        assert.deepStrictEqual(desk.asked.at(-1)?.request, asked);
      }),
      { numRuns: 60 },
    );
  });

  it("carries every request and event of tailDecisions, in order", async () => {
    const { request, response } = arbitraries.tailDecisions;
    await fc.assert(
      fc.asyncProperty(request.map(plain), fc.array(response.map(plain), { maxLength: 5 }), async (asked, events) => {
        desk.answer("tailDecisions", () => from(events));
        const got: TailEvent[] = [];
        for await (const event of remote.tailDecisions(asked, {})) got.push(event);
        assert.deepStrictEqual(got, events);
        assert.deepStrictEqual(desk.asked.at(-1)?.request, asked);
      }),
      { numRuns: 60 },
    );
  });

  it("carries on whose behalf a call is made, in which session, and its ids, over every kind of call", async () => {
    const printable = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((made) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(made));
    desk.answer("readSchema", async () => ({ text: "", zookie: "z" }));
    desk.answer("importTuples", async () => ({ zookie: "z", imported: 0, changed: 0, chunks: 0, skipped: 0, problems: [] }));
    desk.answer("watchTuples", () => from([]));
    desk.answer("live", () => from([]));
    const calls = [
      (call: Call) => remote.readSchema({}, call),
      (call: Call) => remote.importTuples(from([]), call),
      (call: Call) => remote.watchTuples({}, call).next(),
      (call: Call) => remote.live(from([]), call).next(),
    ];
    await fc.assert(
      fc.asyncProperty(printable, printable, fc.constantFrom(...calls), async (actor, session, send) => {
        await send({ actor, session });
        const { call } = desk.asked.at(-1) ?? {};
        assert.deepEqual([call?.actor, call?.session], [actor, session]);
        assert.match(call?.requestId ?? "", /^[0-9a-f-]{36}$/);
        assert.equal(call?.traceId, undefined);
        await send({});
        assert.equal(desk.asked.at(-1)?.call.actor, undefined);
      }),
      { numRuns: 60 },
    );
  });

  it("carries every request and piece of backup, in order", async () => {
    const request = fc.option(fc.string({ unit: "binary" }), { nil: undefined }).map((since) => (since === undefined ? {} : { since }));
    const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(request, pieces, async (asked, sent) => {
        desk.answer("backup", () => from(sent.map((bytes) => ({ bytes }))));
        const got: Uint8Array[] = [];
        for await (const { bytes } of remote.backup(asked, {})) got.push(Uint8Array.from(bytes));
        assert.deepStrictEqual(got, sent.map((bytes) => Uint8Array.from(bytes)));
        assert.deepStrictEqual(desk.asked.at(-1)?.request, asked);
      }),
      { numRuns: 60 },
    );
  });

  it("carries an explanation deeper than protobuf libraries nest messages", async () => {
    let explanation = { kind: "tuple" as const, answer: "allowed" as const, children: [] as unknown[] };
    for (let level = 0; level < 500; level++) explanation = { ...explanation, children: [explanation] };
    const decision = { allowed: true, missingFields: [], zookie: "z", instant: 1, explanation };
    assert.deepStrictEqual(methods.check.response.decode(methods.check.response.encode(decision as never)), decision);
  });

  it("says of a validity longer than its field holds that it is as long as the field holds", () => {
    const bytes = methods.check.response.encode({ allowed: true, missingFields: [], zookie: "z", instant: 1, validForMs: 1e12 });
    assert.equal(methods.check.response.decode(bytes).validForMs, 0xffff_ffff);
  });

  it("names in the model what the proto files name, under the same numbers", () => {
    for (const each of [operationKinds, preconditionKinds, changeKinds, explanationKinds, explanationAnswers, expandKinds, heldAnswers, causeKinds, ...auditEnums]) {
      const declared = protoRoot().lookupEnum(each.proto);
      const snake = (text: string) => text.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
      const prefix = snake(declared.name).slice(1);
      const expected = Object.fromEntries(["unspecified", ...each.names].map((name, number) => [`${prefix}_${snake(name)}`, number]));
      assert.deepStrictEqual({ ...declared.values }, expected);
    }
  });

  it("declares exactly the rpcs that are served", () => {
    const declared = ["TupleService", "PermissionService", "SchemaService", "AdminService", "LiveService", "DecisionLogService"].flatMap((service) =>
      protoRoot().lookupService(`usher.v1.${service}`).methodsArray.map((rpc) => `/usher.v1.${service}/${rpc.name}`),
    );
    assert.deepStrictEqual(declared.sort(), Object.values(methods).map(({ path }) => path).sort());
  });

  it("declares a decision alike in Check and in BatchCheck", () => {
    const fields = (name: string) => protoRoot().lookupType(name).fieldsArray.map(({ id, name: field, type, repeated }) => ({ id, field, type, repeated }));
    assert.deepEqual(fields("usher.v1.CheckResponse"), fields("usher.v1.Decision"));
  });

  it("gives every enum a zero that says nothing", () => {
    for (const each of [operationKinds, preconditionKinds, changeKinds, explanationKinds, explanationAnswers, expandKinds, heldAnswers, causeKinds, ...auditEnums]) assert.throws(() => each.fromWire(0));
  });

  it("denies where a response is empty, as proto3 reads one", () => {
    const Response = protoRoot().lookupType("usher.v1.CheckResponse");
    assert.equal(Response.fields["allowed"]?.id, 1);
    assert.equal((Response.decode(new Uint8Array()) as unknown as { allowed: boolean }).allowed, false);
    const State = protoRoot().lookupType("usher.v1.HeldState");
    assert.equal(State.fields["allowed"]?.id, 1);
    assert.equal((State.decode(new Uint8Array()) as unknown as { allowed: boolean }).allowed, false);
  });
});

async function* from<T>(list: readonly T[]): AsyncGenerator<T, void> {
  yield* list;
}

/** Made of ordinary objects, as a program makes them: the generators' have no prototype. */
function plain<T>(value: T): T {
  if (Array.isArray(value)) return value.map(plain) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)])) as T;
}
