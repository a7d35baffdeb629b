import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { create, remove, touch } from "../../src/client/references.js";
import { connect, Usher } from "../../src/client/usher.js";
import { Database } from "../../src/database/database.js";
import { object } from "../../src/model/object.js";
import type { WatchEvent } from "../../src/model/service.js";
import { subject } from "../../src/model/subject.js";
import { formatTuple } from "../../src/model/tuple.js";
import { serve, type Server } from "../../src/server/server.js";

const schema = `
caveat on_weekday(day string) { day != "sunday" }

definition user {}

definition team {
  relation member: user | team#member
}

definition node {
  relation operator: user | team#member | user with on_weekday
  relation banned: user
  permission restart = operator - banned
}
`;

const code = (expected: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof UsherError, String(error));
  assert.equal(error.code, expected, error.message);
  return true;
};

/** The same program against a database in its process and against a server: it cannot tell which it holds. */
for (const place of ["embedded", "remote"] as const) {
  describe(`usher, ${place}`, () => {
    let folder: string;
    let database: Database;
    let server: Server | undefined;
    let usher: Usher;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "usher-client-"));
      database = await Database.open(folder);
      if (place === "embedded") usher = new Usher(database);
      else {
        server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(error) });
        usher = await connect(server.address);
      }
      await usher.writeSchema(schema);
    });

    afterEach(async () => {
      await usher.close();
      await server?.close(100);
      if (place === "remote") await database.close();
      await rm(folder, { recursive: true });
    });

    it("lets in who is related, and no longer when the tuple is gone", async () => {
      const receipt = await usher.write([touch("team:sre#member@user:ana"), touch("node:n1#operator@team:sre#member")], { metadata: { reason: "hired" } });
      assert.equal(receipt.changed, 2);
      assert.equal(await usher.can("node:n1", "restart", "user:ana"), true);
      assert.equal(await usher.can(object("node", "n1"), "restart", object("user", "ana")), true);
      assert.equal(await usher.can("node:n1", "restart", subject("team", "sre", "member")), true);
      assert.equal(await usher.can("node:n1", "restart", "user:bob"), false);
      await usher.write([remove("team:sre#member@user:ana")]);
      assert.equal(await usher.can("node:n1", "restart", "user:ana"), false);
      const before = await usher.check("node:n1", "restart", "user:ana", { consistency: { kind: "exact", zookie: receipt.zookie } });
      assert.equal(before.allowed, true);
    });

    it("does not count a conditional decision as allowed", async () => {
      await usher.write([touch("node:n1#operator@user:ana[on_weekday]")]);
      const decision = await usher.check("node:n1", "restart", "user:ana");
      assert.deepEqual([decision.allowed, decision.missingFields], [false, ["day"]]);
      assert.equal(await usher.can("node:n1", "restart", "user:ana"), false);
      assert.equal(await usher.can("node:n1", "restart", "user:ana", { context: { day: "monday" } }), true);
      assert.equal(await usher.can("node:n1", "restart", "user:ana", { context: { day: "sunday" } }), false);
    });

    describe("lookups", () => {
      beforeEach(async () => {
        await usher.write(["team:sre#member@user:ana", "team:sre#member@user:bob", "node:n1#operator@team:sre#member", "node:n2#operator@user:ana", "node:n3#operator@user:ana[on_weekday]", "node:n2#banned@user:bob"].map(touch));
      });

      it("list what is allowed, and never what is conditional", async () => {
        const nodes = [];
        for await (const node of usher.lookupObjects("node", "restart", "user:ana", { pageSize: 1 })) nodes.push(node);
        assert.deepEqual(nodes, [object("node", "n1"), object("node", "n2")]);
        const users = [];
        for await (const user of usher.lookupSubjects("node:n1", "restart", "user", { pageSize: 1 })) users.push(user);
        assert.deepEqual(users, [{ ...subject("user", "ana"), excluded: [] }, { ...subject("user", "bob"), excluded: [] }]);
        const teams = [];
        for await (const team of usher.lookupSubjects("node:n1", "restart", "team#member")) teams.push(team.id);
        assert.deepEqual(teams, ["sre"]);
        for await (const user of usher.lookupSubjects("node:n3", "restart", "user")) assert.fail(user.id);
      });

      it("show pages with what is conditional, count, and take what a check takes", async () => {
        const page = await usher.lookupObjectsPage("node", "restart", "user:ana", { idPrefix: "n3" });
        assert.deepEqual(page.results, [{ object: object("node", "n3"), allowed: false, missingFields: ["day"] }]);
        assert.deepEqual(await usher.countObjects("node", "restart", "user:ana", { pageSize: 1 }), { allowed: 2, conditional: 1 });
        assert.deepEqual(await usher.countObjects("node", "restart", "user:ana", { context: { day: "monday" } }), { allowed: 3, conditional: 0 });
        assert.deepEqual(await usher.countSubjects("node:n1", "restart", "user", { contextualTuples: ["team:sre#member@user:eve"] }), { allowed: 3, conditional: 0 });
        const { results } = await usher.lookupSubjectsPage("node:n3", "restart", "user");
        assert.deepEqual(results, [{ subject: subject("user", "ana"), allowed: false, missingFields: ["day"], excluded: [] }]);
        const within = { relation: "operator", subject: "team:sre#member" };
        assert.deepEqual(await usher.countObjects("node", "restart", "user:ana", { within }), { allowed: 1, conditional: 0 });
      });

      it("say of every permission what its answer is", async () => {
        const { results } = await usher.lookupPermissions("node:n3", "user:ana", { relations: true });
        assert.deepEqual(results, [
          { permission: "operator", allowed: false, missingFields: ["day"] },
          { permission: "banned", allowed: false, missingFields: [] },
          { permission: "restart", allowed: false, missingFields: ["day"] },
        ]);
      });

      it("read all their pages at one snapshot, as it stood", async () => {
        const { zookie } = await usher.check("node:n1", "restart", "user:ana");
        const seen = [];
        for await (const { id } of usher.lookupObjects("node", "restart", "user:ana", { pageSize: 1 })) {
          if (seen.push(id) === 1) await usher.write([remove("node:n2#operator@user:ana")]);
        }
        assert.deepEqual(seen, ["n1", "n2"]);
        assert.deepEqual(await usher.countObjects("node", "restart", "user:ana"), { allowed: 1, conditional: 1 });
        assert.deepEqual(await usher.countObjects("node", "restart", "user:ana", { consistency: { kind: "exact", zookie } }), { allowed: 2, conditional: 1 });
      });

      it("are refused where they make no sense", async () => {
        await assert.rejects(usher.lookupObjectsPage("none", "restart", "user:ana"), code("unknown_type"));
        await assert.rejects(usher.lookupObjectsPage("node", "restart", "user:ana", { cursor: "x" }), code("invalid_cursor"));
        await assert.rejects(usher.lookupSubjectsPage("node:n1", "none", "user"), code("unknown_relation"));
        await assert.rejects(usher.lookupSubjectsPage("node:n1", "restart", "team#"), code("invalid_name"));
        await assert.rejects(usher.lookupPermissions("node:n1", "user:*"), code("invalid_request"));
        const stop = new AbortController();
        stop.abort();
        await assert.rejects(usher.countObjects("node", "restart", "user:ana", { signal: stop.signal }), code("cancelled"));
      });
    });

    it("lays contextual tuples over one check alone", async () => {
      const contextualTuples = ["node:n1#operator@user:ana"];
      assert.equal(await usher.can("node:n1", "restart", "user:ana", { contextualTuples }), true);
      assert.equal(await usher.can("node:n1", "restart", "user:ana"), false);
    });

    it("never reads an id from outside as a userset", async () => {
      await usher.write([touch("node:n1#operator@team:sre#member")]);
      const fromOutside = "sre#member";
      await assert.rejects(async () => usher.can("node:n1", "restart", object("team", fromOutside)), code("invalid_id"));
      await assert.rejects(usher.can("node:n1", "restart", { type: "team", id: fromOutside }), code("invalid_id"));
    });

    it("answers a batch at one snapshot, in order, an error in its place", async () => {
      await usher.write([touch("node:n1#operator@user:ana")]);
      const { results } = await usher.batchCheck([
        { object: "node:n1", permission: "restart", subject: "user:ana" },
        { object: "node:n1", permission: "nothing", subject: "user:ana" },
        { object: object("node", "n1"), permission: "restart", subject: subject("user", "bob") },
      ]);
      assert.deepEqual(results.map((result) => ("decision" in result ? result.decision.allowed : result.error.code)), [true, "unknown_relation", false]);
    });

    it("explains and expands", async () => {
      await usher.write([touch("node:n1#operator@user:ana"), touch("node:n1#banned@user:bob")]);
      const { explanation } = await usher.check("node:n1", "restart", "user:ana", { explain: true });
      assert.equal(explanation?.answer, "allowed");
      const { tree } = await usher.expand("node:n1", "restart", { deep: true });
      assert.equal(tree.kind, "exclusion");
      assert.equal(tree.children.length, 2);
    });

    it("reads every tuple through pages of one snapshot, while others write", async () => {
      await usher.write(Array.from({ length: 25 }, (_, index) => touch(`node:n${index}#operator@user:ana`)));
      const seen: string[] = [];
      for await (const tuple of usher.read({ objectType: "node" }, { pageSize: 10 })) {
        if (seen.length === 0) await usher.write([touch("node:n99#operator@user:ana"), remove("node:n24#operator@user:ana")]);
        seen.push(formatTuple(tuple));
      }
      assert.equal(new Set(seen).size, 25);
      const page = await usher.readPage({ objectType: "node", objectId: "n99" });
      assert.deepEqual([page.tuples.map(formatTuple), page.cursor], [["node:n99#operator@user:ana"], undefined]);
    });

    it("writes under preconditions, once for each request id, and validates without writing", async () => {
      const preconditions = [{ kind: "mustMatch", filter: { objectType: "team", objectId: "sre" } }] as const;
      await assert.rejects(usher.write([touch("node:n1#operator@user:ana")], { preconditions }), code("precondition_failed"));
      await usher.write([create("team:sre#member@user:ana")], { requestId: "once" });
      await usher.write([create("team:sre#member@user:ana")], { requestId: "once" });
      await assert.rejects(usher.write([create("team:sre#member@user:ana")]), code("tuple_exists"));
      await usher.write([touch("node:n1#operator@user:ana")], { preconditions, validateOnly: true });
      assert.equal(await usher.can("node:n1", "restart", "user:ana"), false);
    });

    it("deletes what filters match, and says when more is left", async () => {
      await usher.write(Array.from({ length: 5 }, (_, index) => touch(`node:n${index}#operator@user:ana`)));
      const some = await usher.deleteMatching([{ objectType: "node" }], { limit: 3 });
      assert.deepEqual([some.deleted, some.more], [3, true]);
      const rest = await usher.deleteMatching([{ objectType: "node" }]);
      assert.deepEqual([rest.deleted, rest.more], [2, false]);
    });

    it("watches from a zookie, and stops when the loop is left or the signal aborts", async () => {
      const { zookie } = await usher.write([touch("node:n1#operator@user:ana")]);
      await usher.write([remove("node:n1#operator@user:ana")], { metadata: { reason: "offboarded" } });
      const events: WatchEvent[] = [];
      for await (const event of usher.watch({ after: zookie })) {
        events.push(event);
        break;
      }
      const [event] = events;
      assert.ok(event?.kind === "commit");
      assert.deepEqual([event.metadata, event.operations.map(({ kind, tuple }) => `${kind} ${formatTuple(tuple)}`)], [{ reason: "offboarded" }, ["delete node:n1#operator@user:ana"]]);
      const controller = new AbortController();
      await assert.rejects(async () => {
        for await (const each of usher.watch({ checkpointMs: 100, signal: controller.signal })) {
          assert.equal(each.kind, "checkpoint");
          controller.abort();
        }
      }, code("cancelled"));
    });

    it("gives back the schema as it was written", async () => {
      assert.equal((await usher.readSchema()).text, schema);
      assert.equal((await usher.writeSchema(schema)).changed, false);
      await assert.rejects(usher.writeSchema("definition {"), code("invalid_schema"));
    });

    it("refuses a tenant that is not there, and text that is no reference", async () => {
      await assert.rejects(usher.withTenant("nobody").can("node:n1", "restart", "user:ana"), code("tenant_unknown"));
      await assert.rejects(async () => usher.withTenant("nobody").watch()[Symbol.asyncIterator]().next(), code("tenant_unknown"));
      for (const text of ["node", "node:", ":n1", "node:n1#restart", ""]) await assert.rejects(usher.can(text, "restart", "user:ana"), UsherError, text);
      assert.throws(() => touch("node:n1#operator"), UsherError);
    });
  });
}
