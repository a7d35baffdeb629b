import assert from "node:assert/strict";
import { UsherError } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { Database } from "../../src/database/database.js";
import type { AuditEntry } from "../../src/model/audit.js";
import type { Call } from "../../src/model/service.js";
import { parseCheck, parseObject, parseSubject, parseTuple } from "../../src/model/tuple-text.js";
import { inFolder } from "../support/folder.js";
import { withRecordings, type MemoryLog } from "./memory-log.js";

const schema = `
caveat at_work(place string) { place == "work" }
definition user {}
definition group { relation member: user | group#member }
definition document {
  relation viewer: user | user with at_work | group#member
  relation banned: user | document#loop
  permission view = viewer - banned
  permission loop = viewer - banned
}`;
const call: Call = { requestId: "r-1", traceId: "0af7651916cd43dd8448eb211c80319c", principal: "web", actor: "support:eve", session: "session:7" };
const attribution = { tenant: "default", request: "r-1", trace: "0af7651916cd43dd8448eb211c80319c", principal: "web", actor: "support:eve", session: "session:7" };

async function prepared(body: (database: Database, log: MemoryLog, zookie: string) => Promise<void>): Promise<void> {
  await withRecordings(async (database, log) => {
    await database.writeSchema({ text: schema }, {});
    const tuples = ["document:1#viewer@group:eng#member", "group:eng#member@user:ana", "document:2#viewer@user:ana[at_work]", "document:3#viewer@user:ana", "document:3#banned@document:3#loop"];
    const { zookie } = await database.writeTuples({ operations: tuples.map((text) => ({ kind: "touch", tuple: parseTuple(text) })) }, {});
    log.payloads.length = log.grants.length = 0;
    await body(database, log, zookie);
  });
}

function last(log: MemoryLog): AuditEntry {
  const entry = log.entries.at(-1);
  assert.ok(entry);
  return entry;
}

/** Without what differs from run to run. */
function fixed({ at, ...entry }: AuditEntry): object {
  assert.ok(Math.abs(at - Date.now()) < 3_600_000);
  return "schema" in entry ? { ...entry, schema: entry.schema.length } : entry;
}

describe("what is recorded", () => {
  it("of a check: who asked what for whom, the answer, where it holds and on what grounds", async () => {
    await prepared(async (database, log, zookie) => {
      await database.check(parseCheck("document:1#view@user:ana"), call);
      assert.deepEqual(fixed(last(log)), {
        kind: "check", ...attribution, object: "document:1", permission: "view", subject: "user:ana", answer: "allowed", zookie, schema: 16,
        grounds: ["document:1#viewer@group:eng#member", "group:eng#member@user:ana"],
      });
      await database.check(parseCheck("document:1#view@user:bob"), {});
      assert.deepEqual(fixed(last(log)), { kind: "check", tenant: "default", object: "document:1", permission: "view", subject: "user:bob", answer: "denied", zookie, schema: 16 });
      assert.deepEqual(log.grants, [true, false]);
    });
  });

  it("of a check with context, or with tuples of its own: those too; and where it is conditional or undecided, by what", async () => {
    await prepared(async (database, log) => {
      await database.check({ ...parseCheck("document:2#view@user:ana"), context: { place: "work" } }, {});
      const allowed = last(log);
      assert.ok(allowed.kind === "check");
      assert.deepEqual([allowed.answer, allowed.context, allowed.grounds], ["allowed", { place: "work" }, ["document:2#viewer@user:ana[at_work]"]]);
      await database.check(parseCheck("document:2#view@user:ana"), {});
      const conditional = last(log);
      assert.ok(conditional.kind === "check");
      assert.deepEqual([conditional.answer, conditional.missing, conditional.grounds], ["conditional", ["place"], undefined]);
      await database.check({ ...parseCheck("document:9#view@user:bob"), contextualTuples: [parseTuple("document:9#viewer@user:bob")] }, {});
      const brought = last(log);
      assert.ok(brought.kind === "check");
      assert.deepEqual([brought.answer, brought.contextual], ["allowed", ["document:9#viewer@user:bob"]]);
      await assert.rejects(database.check(parseCheck("document:3#loop@user:ana"), {}));
      const undecided = last(log);
      assert.ok(undecided.kind === "check");
      assert.deepEqual([undecided.answer, undecided.error], ["undecided", "cycle_through_exclusion"]);
      assert.deepEqual(log.grants, [true, true, true, false]);
    });
  });

  it("of each item of a batch, but of none that was no question", async () => {
    await prepared(async (database, log) => {
      const items = ["document:1#view@user:ana", "document:1#nothing@user:ana", "document:1#view@user:bob"].map(parseCheck);
      await database.batchCheck({ items }, call);
      assert.deepEqual(log.entries.map((entry) => entry.kind === "batch_item" && [entry.subject, entry.answer, entry.request]), [["user:ana", "allowed", "r-1"], ["user:bob", "denied", "r-1"]]);
    });
  });

  it("of a lookup: each result", async () => {
    await prepared(async (database, log) => {
      await database.lookupObjects({ objectType: "document", permission: "view", subject: parseSubject("user:ana"), pageSize: 2 }, call).catch(() => undefined);
      await database.lookupSubjects({ object: parseObject("document:2"), permission: "view", subjectType: "user" }, call);
      await database.lookupPermissions({ object: parseObject("document:1"), subject: parseSubject("user:ana") }, call);
      await database.lookupObjects({ objectType: "document", permission: "view", subject: parseSubject("user:ana"), countOnly: true, idPrefix: "1" }, call);
      const counted = log.entries.at(-1);
      assert.deepEqual(counted?.kind === "lookup" && [counted.results, counted.count], [[], { allowed: 1, conditional: 0 }]);
      log.payloads.pop();
      const told = log.entries.map((entry) => entry.kind === "lookup" && [entry.found, entry.object, entry.permission, entry.subject, entry.results]);
      assert.deepEqual(told, [
        ["objects", "document", "view", "user:ana", [["document:1", "allowed"], ["document:2", "conditional"]]],
        ["subjects", "document:2", "view", "user", [["user:ana", "conditional"]]],
        ["permissions", "document:1", undefined, "user:ana", [["view", "allowed"], ["loop", "allowed"]]],
      ]);
    });
  });

  it("of changes: tuples as they were written, deletions by their filters, imports, schemas, tenants; and nothing of what was only tried", async () => {
    await prepared(async (database, log) => {
      const operations = [{ kind: "touch" as const, tuple: parseTuple("document:4#viewer@user:bob") }];
      const written = await database.writeTuples({ operations, metadata: { reason: "hired" } }, call);
      assert.deepEqual(fixed(last(log)), { kind: "write", ...attribution, zookie: written.zookie, operations: ["touch document:4#viewer@user:bob"], changed: 1, metadata: { reason: "hired" } });
      const deleted = await database.deleteTuples({ filters: [{ objectType: "document", objectId: "4" }] }, {});
      assert.deepEqual(fixed(last(log)), { kind: "write", tenant: "default", zookie: deleted.zookie, filters: [{ objectType: "document", objectId: "4" }], changed: 1 });
      const text = `${schema}\ndefinition folder {}`;
      const changed = await database.writeSchema({ text }, {});
      const recorded = last(log);
      assert.ok(recorded.kind === "schema");
      assert.deepEqual([recorded.zookie, recorded.text], [changed.zookie, text]);
      const before = log.entries.length;
      await database.writeTuples({ operations, validateOnly: true }, {});
      await database.writeSchema({ text }, {});
      assert.equal(log.entries.length, before);
      await database.createTenant({ name: "acme", quotas: { tuples: 10 } }, { principal: "root" });
      await database.deleteTenant({ name: "acme" }, { principal: "root" });
      assert.deepEqual(log.entries.slice(-2).map(fixed), [
        { kind: "tenant", principal: "root", action: "created", name: "acme", quotas: { tuples: 10 } },
        { kind: "tenant", principal: "root", action: "deleted", name: "acme" },
      ]);
    });
  });

  it("of who erases records of all tenants: that it is none of one", async () => {
    await prepared(async (database, log) => {
      const by: unknown[] = [];
      await database.check(parseCheck("document:1#view@user:ana"), {});
      log.redact = async (_indexes: readonly number[], ...rest: readonly unknown[]) => (by.push(rest[2]), 1);
      await database.redactDecisions({ indexes: [0], reason: "asked for" }, { principal: "auditor" });
      await database.redactDecisions({ indexes: [0], reason: "asked for" }, { principal: "auditor", tenant: "default" });
      assert.deepEqual(by.map((attribution) => (attribution as { tenant?: string }).tenant), [undefined, "default"]);
    });
  });

  it("of one tenant is not shown to another that was made anew under its name", async () => {
    let wall = Date.now();
    await withRecordings(async (database, log) => {
      const acme: Call = { tenant: "acme" };
      await database.createTenant({ name: "acme" }, {});
      await database.writeSchema({ text: schema }, acme);
      await database.check(parseCheck("document:1#view@user:ana"), acme);
      const index = log.payloads.length - 1;
      assert.equal((await database.queryDecisions({ filter: { kinds: ["check"] } }, acme)).records.length, 1);
      await database.deleteTenant({ name: "acme" }, {});
      wall += 1_000;
      await database.createTenant({ name: "acme" }, {});
      const unknown = (error: unknown) => error instanceof UsherError && error.code === "record_unknown";
      assert.deepEqual((await database.queryDecisions({ filter: {} }, acme)).records, []);
      await assert.rejects(database.replayDecisions({ indexes: [index] }, acme), unknown);
      await assert.rejects(database.redactDecisions({ indexes: [index], reason: "asked for" }, acme), unknown);
      assert.equal((await database.queryDecisions({ filter: { kinds: ["check"] } }, {})).records.length, 1, "whoever may see all tenants' does");
    }, { time: { wallMs: () => wall, monotonicMs: () => wall, uptimeMs: () => wall } });
  });

  it("of who reads the log", async () => {
    await prepared(async (database, log) => {
      await database.queryDecisions({ filter: { subject: "user:ana" } }, { principal: "auditor" });
      assert.deepEqual(fixed(last(log)), { kind: "query", principal: "auditor", asked: '{"query":{"subject":"user:ana"}}' });
      await database.check(parseCheck("document:1#view@user:ana"), {});
      const index = log.payloads.length - 1;
      await database.replayDecisions({ indexes: [index] }, { principal: "auditor" });
      assert.deepEqual(fixed(last(log)), { kind: "query", principal: "auditor", asked: `{"replay":[${index}]}` });
    });
  });
});

describe("a grant whose record must be waited for", () => {
  it("is kept back until it is on disk; a denial is not", async () => {
    await prepared(async (database, log) => {
      let durable: () => void = () => undefined;
      log.waiting = () => new Promise((resolve) => (durable = resolve));
      let answered = false;
      const grant = database.check(parseCheck("document:1#view@user:ana"), {}).then((decision) => ((answered = true), decision));
      assert.equal((await database.check(parseCheck("document:1#view@user:bob"), {})).allowed, false);
      while (!log.grants.includes(true)) await new Promise(setImmediate);
      await new Promise(setImmediate);
      assert.equal(answered, false);
      durable();
      assert.equal((await grant).allowed, true);
    });
  });

  it("is refused where there can be no record, alone or in a batch or a lookup; a commit stands", async () => {
    await prepared(async (database, log) => {
      log.waiting = () => Promise.reject(new UsherError("audit_unavailable", "the disk is full"));
      const unavailable = (error: unknown) => error instanceof UsherError && error.code === "audit_unavailable";
      await assert.rejects(database.check(parseCheck("document:1#view@user:ana"), {}), unavailable);
      await assert.rejects(database.check({ ...parseCheck("document:1#view@user:ana"), explain: true }, {}), unavailable);
      await assert.rejects(database.batchCheck({ items: [parseCheck("document:1#view@user:ana")] }, {}), unavailable);
      await assert.rejects(database.lookupPermissions({ object: parseObject("document:1"), subject: parseSubject("user:ana") }, {}), unavailable);
      assert.equal((await database.check(parseCheck("document:1#view@user:bob"), {})).allowed, false);
      assert.equal((await database.writeTuples({ operations: [{ kind: "delete", tuple: parseTuple("group:eng#member@user:ana") }] }, {})).changed, 1);
    });
  });
});

describe("a denial whose record must be waited for, since too much is kept back", () => {
  it("is refused where there can be none, undecided or not, and nobody is left with a promise", async () => {
    await prepared(async (database, log) => {
      const unheard: unknown[] = [];
      const hear = (error: unknown) => void unheard.push(error);
      process.on("unhandledRejection", hear);
      log.record = () => Promise.reject(new UsherError("audit_unavailable", "the disk is full"));
      const unavailable = (error: unknown) => error instanceof UsherError && error.code === "audit_unavailable";
      for (const question of ["document:1#view@user:bob", "document:3#view@user:ana"]) {
        await assert.rejects(Promise.resolve().then(() => database.check(parseCheck(question), {})), unavailable);
        await assert.rejects(database.batchCheck({ items: [parseCheck(question)] }, {}), unavailable);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      process.off("unhandledRejection", hear);
      assert.deepEqual(unheard, []);
    });
  });
});

describe("a question to the decision log", () => {
  const code = (wanted: string) => (error: unknown) => error instanceof UsherError && error.code === wanted;

  it("is refused where there is no log", async () => {
    await inFolder(async (folder) => {
      const database = await Database.open(folder);
      try {
        await assert.rejects(database.queryDecisions({ filter: {} }, {}), code("audit_off"));
        await assert.rejects(database.getCheckpoint({}, {}), code("audit_off"));
        await assert.rejects(database.tailDecisions({ filter: {} }, {})[Symbol.asyncIterator]().next(), code("audit_off"));
      } finally {
        await database.close();
      }
    });
  });

  it("is refused where it is none", async () => {
    await prepared(async (database) => {
      const wrong = (filter: object) => database.queryDecisions({ filter }, {});
      await assert.rejects(wrong({ subject: "" }), code("invalid_request"));
      await assert.rejects(wrong({ kinds: ["chekc"] }), code("invalid_request"));
      await assert.rejects(wrong({ answer: "maybe" }), code("invalid_request"));
      await wrong({ actor: "x".repeat(limits.auditFilterTextBytesMax) });
      await assert.rejects(wrong({ actor: "x".repeat(limits.auditFilterTextBytesMax + 1) }), code("invalid_request"));
      await assert.rejects(wrong({ from: Number.NaN }), code("invalid_request"));
      await assert.rejects(database.queryDecisions({ filter: {}, pageSize: 0 }, {}), code("invalid_request"));
      await assert.rejects(database.queryDecisions({ filter: {}, pageSize: limits.auditPageRecordsMax + 1 }, {}), code("invalid_request"));
      await assert.rejects(database.queryDecisions({ filter: {} }, { tenant: "nobody" }), code("tenant_unknown"));
      await assert.rejects(database.replayDecisions({ indexes: [] }, {}), code("invalid_request"));
      await assert.rejects(database.replayDecisions({ indexes: [-1] }, {}), code("invalid_request"));
      await assert.rejects(database.replayDecisions({ indexes: Array<number>(limits.replayPerCallMax + 1).fill(0) }, {}), code("request_too_large"));
      await assert.rejects(database.redactDecisions({ indexes: [0], reason: "" }, {}), code("invalid_request"));
      await assert.rejects(database.redactDecisions({ indexes: Array<number>(limits.redactPerCallMax + 1).fill(0), reason: "asked for" }, {}), code("request_too_large"));
    });
  });
});
