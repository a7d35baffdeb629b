import assert from "node:assert/strict";

import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import type { LogEvent, LoggedRecord } from "../../src/client/decision-log.js";
import { Remote } from "../../src/client/remote.js";
import { Usher } from "../../src/client/usher.js";
import type { AuditRecord, TailEvent } from "../../src/model/audit.js";
import { object } from "../../src/model/object.js";
import { serve, type Server } from "../../src/server/server.js";
import { Desk } from "../server/desk.js";

const has = (code: ErrorCode) => (error: unknown) => error instanceof UsherError && error.code === code;

const entry = { kind: "check", at: 1, object: "doc:1", permission: "view", subject: "user:ana", answer: "allowed", zookie: "z", schema: "0" };
const record = (index: number): AuditRecord => ({ index, hash: "ab".repeat(32), salt: "cd".repeat(16), payload: JSON.stringify({ ...entry, at: index }) });

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const each of source) list.push(each);
  return list;
}

/** Embedded and remote alike: the service that is asked is a desk. */
for (const place of ["embedded", "remote"] as const) {
  describe(`the decision log of a client, ${place}`, () => {
    let desk: Desk;
    let server: Server | undefined;
    let usher: Usher;

    beforeEach(async () => {
      desk = new Desk();
      if (place === "embedded") usher = new Usher(desk, "acme");
      else {
        server = await serve(desk, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
        usher = new Usher(new Remote(server.address), "acme");
      }
    });
    afterEach(async () => {
      await usher.close();
      await server?.close(100);
      server = undefined;
    });

    const asked = () => desk.asked.filter(({ method }) => method !== "close");

    it("is queried page by page, each record with what it says", async () => {
      desk.answer("queryDecisions", async ({ cursor }) => (cursor === undefined ? { records: [record(2), { index: 1, hash: "00".repeat(32) }], cursor: "c" } : { records: [record(0)] }));
      const found: LoggedRecord[] = await all(usher.audit.query({ object: "doc:1", subject: object("user", "ana"), answer: "denied", kinds: ["check"], pageSize: 2, oldestFirst: true }));
      assert.deepEqual(found.map(({ index, entry: said, redacted }) => [index, said?.at, redacted]), [[2, 2, false], [1, undefined, true], [0, 0, false]]);
      const filter = { object: "doc:1", subject: "user:ana", answer: "denied", kinds: ["check"] };
      assert.deepEqual(asked().map(({ request }) => request), [{ filter, pageSize: 2, oldestFirst: true }, { filter, pageSize: 2, oldestFirst: true, cursor: "c" }]);
      assert.equal(asked()[0]?.call.tenant, "acme");
    });

    it("is no record where what was recorded cannot be read", async () => {
      desk.answer("queryDecisions", async () => ({ records: [{ ...record(0), payload: "{" }] }));
      await assert.rejects(all(usher.audit.query()), has("internal"));
    });

    it("refuses a filter that is no reference before it asks", async () => {
      await assert.rejects(all(usher.audit.query({ subject: "user" })), has("invalid_tuple"));
      assert.deepEqual(asked(), []);
    });

    it("is followed record by record, with its checkpoints", async () => {
      desk.answer("tailDecisions", async function* (): AsyncGenerator<TailEvent> {
        yield { kind: "records", records: [record(0), record(1)] };
        yield { kind: "checkpoint", checkpoint: "note" };
      });
      const events: LogEvent[] = await all(usher.audit.tail({ fromIndex: 0, follow: true, permission: "view" }));
      assert.deepEqual(events.map((event) => (event.kind === "record" ? event.record.index : event.checkpoint)), [0, 1, "note"]);
      assert.deepEqual(asked()[0]?.request, { filter: { permission: "view" }, fromIndex: 0, follow: true });
    });

    it("is replayed and redacted in as many calls as it takes", async () => {
      const indexes = (count: number) => Array.from({ length: count }, (_, index) => index);
      desk.answer("replayDecisions", async (request) => ({ outcomes: request.indexes.map((index) => ({ kind: "same", index })) }));
      const replayed = await all(usher.audit.replay(indexes(limits.replayPerCallMax + 1)));
      assert.deepEqual(replayed.map(({ index }) => index), indexes(limits.replayPerCallMax + 1));
      desk.answer("redactDecisions", async (request) => ({ redacted: request.indexes.length }));
      assert.equal(await usher.audit.redact(indexes(limits.redactPerCallMax + 1), "erasure"), limits.redactPerCallMax + 1);
      assert.deepEqual(asked().map(({ request }) => (request as { indexes: number[] }).indexes.length), [limits.replayPerCallMax, 1, limits.redactPerCallMax, 1]);
    });

    it("hands proofs and findings over as they come", async () => {
      const proof = { record: record(3), path: ["ef".repeat(32)], checkpoint: "note", key: "k" };
      desk.answer("proveDecision", async () => proof);
      assert.deepEqual(await usher.audit.prove(3, { size: 9 }), proof);
      desk.answer("getCheckpoint", async () => ({ checkpoint: "note", key: "k", consistency: [] }));
      assert.equal((await usher.audit.checkpoint({ fromSize: 2 })).checkpoint, "note");
      desk.answer("findLoss", async () => ({ lost: record(4), note: "time" }));
      assert.deepEqual(await usher.audit.findLoss("doc:1", "view", "user:ana"), { lost: record(4), note: "time" });
      assert.deepEqual(asked().map(({ request }) => request), [{ index: 3, size: 9 }, { fromSize: 2 }, { object: { type: "doc", id: "1" }, permission: "view", subject: { type: "user", id: "ana", relation: "" } }]);
    });

    it("tells on whose behalf, and in which session, a client asks", async () => {
      desk.answer("listTenants", async () => ({ tenants: [] }));
      const bound = usher.as({ actor: "Zoë, 100 %" }).as({ session: "s1" });
      await bound.listTenants();
      await bound.withTenant("other").listTenants();
      await usher.listTenants();
      const told = asked().map(({ call }) => [call.tenant, call.actor, call.session]);
      assert.deepEqual(told, [["acme", "Zoë, 100 %", "s1"], ["other", "Zoë, 100 %", "s1"], ["acme", undefined, undefined]]);
    });
  });
}

describe("on whose behalf a client asks", () => {
  const usher = new Usher(new Desk());

  it("is text of at most so many bytes, without controls", () => {
    const longest = "ä".repeat(limits.attributionBytesMax / 2);
    usher.as({ actor: longest, session: longest });
    for (const wrong of ["", `${longest}x`, "a\nb", "a\u202eb", "\ud800", 7 as never]) {
      assert.throws(() => usher.as({ actor: wrong }), has("invalid_request"), JSON.stringify(wrong));
      assert.throws(() => usher.as({ session: wrong }), has("invalid_request"));
    }
  });
});
