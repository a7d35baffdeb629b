import assert from "node:assert/strict";
import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { Database } from "../../src/database/database.js";
import type { Call } from "../../src/model/service.js";
import { parseCheck, parseTuple } from "../../src/model/tuple-text.js";
import { inFolder } from "../support/folder.js";

const call: Call = {};
const schema = `
  caveat on(x bool) { x }
  definition user {}
  definition doc {
    relation viewer: user | user with on
    relation banned: doc#view
    permission view = viewer - banned
  }`;

async function withDatabase(tuples: readonly string[], body: (database: Database) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const database = await Database.open(folder);
    try {
      await database.writeSchema({ text: schema }, call);
      await database.writeTuples({ operations: tuples.map((text) => ({ kind: "create", tuple: parseTuple(text) })) }, call);
      await body(database);
    } finally {
      await database.close();
    }
  });
}

function refusal(code: ErrorCode) {
  return (error: unknown) => error instanceof UsherError && error.code === code;
}

describe("a write", () => {
  it("with an operation or a precondition of no known kind is refused, and not taken for one of another kind", async () => {
    await withDatabase(["doc:1#viewer@user:ana"], async (database) => {
      const tuple = parseTuple("doc:2#viewer@user:ana");
      await assert.rejects(database.writeTuples({ operations: [{ kind: "upsert" as "touch", tuple }] }, call), refusal("invalid_request"));
      const precondition = { kind: "mustmatch" as "mustMatch", filter: { objectType: "doc", objectId: "9" } };
      await assert.rejects(database.writeTuples({ operations: [{ kind: "touch", tuple }], preconditions: [precondition] }, call), refusal("invalid_request"));
      assert.equal((await database.readTuples({ filter: { objectType: "doc", objectId: "2" } }, call)).tuples.length, 0);
    });
  });

  it("takes a condition whose name has a prefix", async () => {
    await withDatabase(["doc:1#viewer@user:ana"], async (database) => {
      await database.writeSchema({ text: schema.replaceAll("caveat on", "caveat acme/on").replaceAll("with on", "with acme/on") }, call);
      await database.writeTuples({ operations: [{ kind: "touch", tuple: parseTuple('doc:2#viewer@user:ana[acme/on:{"x":true}]') }] }, call);
      assert.equal((await database.check(parseCheck("doc:2#view@user:ana"), call)).allowed, true);
    });
  });
});

describe("a check", () => {
  it("that is undecided is an error with a code, and no decision; in a batch it is the item's alone", async () => {
    await withDatabase(["doc:1#viewer@user:ana", "doc:1#banned@doc:1#view", "doc:2#viewer@user:ana"], async (database) => {
      const [undecided, allowed] = [parseCheck("doc:1#view@user:ana"), parseCheck("doc:2#view@user:ana")];
      await assert.rejects(database.check(undecided, call), refusal("cycle_through_exclusion"));
      const [first, second] = (await database.batchCheck({ items: [undecided, allowed] }, call)).results;
      assert.ok(first && "error" in first && second && "decision" in second);
      assert.equal(first.error.code, "cycle_through_exclusion");
      assert.equal(second.decision.allowed, true);
    });
  });

  it("in a batch is answered for its own subject, whoever else is asked about", async () => {
    await withDatabase(["doc:1#viewer@user:ana"], async (database) => {
      const items = ["ana", "eve", "ana"].map((id) => parseCheck(`doc:1#view@user:${id}`));
      const { results } = await database.batchCheck({ items }, call);
      assert.deepEqual(results.map((result) => "decision" in result && result.decision.allowed), [true, false, true]);
    });
  });

  it("that lacks a field of a condition is not allowed, and names it", async () => {
    await withDatabase(["doc:1#viewer@user:ana[on]"], async (database) => {
      const decision = await database.check(parseCheck("doc:1#view@user:ana"), call);
      assert.deepEqual([decision.allowed, decision.missingFields], [false, ["x"]]);
    });
  });

  it("that memory answers asks for no signal, and is refused all the same once its call has ended", async () => {
    await withDatabase(["doc:1#viewer@user:ana"], async (database) => {
      const question = parseCheck("doc:1#view@user:ana");
      let asked = 0;
      const lazy = (aborted: boolean): Call => ({ aborted, get signal() { asked++; return aborted ? AbortSignal.abort() : new AbortController().signal; } });
      assert.equal((await database.check(question, lazy(false))).allowed, true);
      assert.ok(asked > 0, "what is loaded can be cancelled");
      asked = 0;
      assert.equal((await database.check(question, lazy(false))).allowed, true);
      assert.equal(asked, 0);
      await assert.rejects(database.check(question, lazy(true)), refusal("cancelled"));
      await assert.rejects(database.check(question, { signal: AbortSignal.abort() }), refusal("cancelled"));
    });
  });

  it("that memory answers knows of what was acknowledged, of its schema, and of its tenant", async () => {
    await withDatabase(["doc:1#viewer@user:ana"], async (database) => {
      const question = parseCheck("doc:1#view@user:ana");
      const before = await database.check(question, call);
      assert.deepEqual({ ...(await database.check(question, call)), instant: 0 }, { ...before, instant: 0 });
      await database.writeTuples({ operations: [{ kind: "delete", tuple: parseTuple("doc:1#viewer@user:ana") }] }, call);
      assert.equal((await database.check(question, call)).allowed, false);
      assert.equal((await database.check({ ...question, consistency: { kind: "exact", zookie: before.zookie } }, call)).allowed, true);
      await assert.rejects(database.check({ ...question, consistency: { kind: "atLeast", zookie: "no" } }, call), refusal("invalid_zookie"));
      await database.writeSchema({ text: schema.replace("permission view = viewer - banned", "permission view = nil") }, call);
      assert.equal((await database.check(question, call)).allowed, false);
      await database.createTenant({ name: "gone" }, call);
      await database.writeSchema({ text: schema }, { tenant: "gone" });
      await database.check(question, { tenant: "gone" });
      await database.deleteTenant({ name: "gone" }, call);
      await assert.rejects(database.check(question, { tenant: "gone" }), refusal("tenant_unknown"));
    });
  });

  it("that memory answers is about what was looked at, whatever its fields say when they are read again", async () => {
    await withDatabase(["doc:1#viewer@user:ana"], async (database) => {
      const turning = (...values: string[]) => ({ get id() { return values.shift() ?? "eve"; } });
      const question = { object: Object.defineProperties({ type: "doc" }, Object.getOwnPropertyDescriptors(turning("1"))) as { type: string; id: string }, permission: "view", subject: { type: "user", id: "ana", relation: "" } };
      await database.check(parseCheck("doc:1#view@user:ana"), call);
      assert.equal((await database.check(question, call)).allowed, true);
      await assert.rejects(database.check({ ...question, permission: "views" }, call), refusal("unknown_relation"));
      await assert.rejects(database.check({ ...question, permission: "" }, call), refusal("invalid_name"));
      await assert.rejects(database.check({ ...question, subject: { type: "user", id: "a\u200b", relation: "" } }, call), refusal("invalid_id"));
      await assert.rejects(database.check({ ...question, subject: { type: "users", id: "ana", relation: "" } }, call), refusal("unknown_type"));
      await assert.rejects(database.check({ ...question, subject: { type: "user", id: "ana", relation: "x" } }, call), refusal("unknown_relation"));
    });
  });

  it("is about one subject, not about everybody", async () => {
    await withDatabase(["doc:1#viewer@user:ana"], async (database) => {
      const { object, permission } = parseCheck("doc:1#view@user:ana");
      await assert.rejects(database.check({ object, permission, subject: { type: "user", id: "*", relation: "" } }, call), refusal("invalid_request"));
    });
  });

  it("may bring only tuples that could have been written", async () => {
    await withDatabase(["doc:1#viewer@user:ana"], async (database) => {
      const ask = (text: string) => database.check({ ...parseCheck("doc:1#view@user:eve"), contextualTuples: [parseTuple(text)] }, call);
      assert.equal((await ask("doc:1#viewer@user:eve")).allowed, true);
      await assert.rejects(ask("doc:1#viewer@user:*"), refusal("subject_not_allowed"));
      await assert.rejects(ask("doc:1#view@user:eve"), refusal("relation_not_writable"));
    });
  });
});

describe("a schema", () => {
  it("is that of the snapshot: an old zookie is evaluated under the schema of its time, whatever was asked before", async () => {
    await withDatabase(["doc:1#viewer@user:ana"], async (database) => {
      const question = { ...parseCheck("doc:1#view@user:ana"), contextualTuples: [] };
      const { zookie } = await database.check(question, call);
      await database.writeSchema({ text: schema.replace("permission view = viewer - banned", "permission view = banned") }, call);
      assert.equal((await database.check(question, call)).allowed, false);
      const exact = { ...question, consistency: { kind: "exact" as const, zookie } };
      assert.equal((await database.check(exact, call)).allowed, true);
      assert.equal((await database.check(question, call)).allowed, false);
    });
  });
});
