import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

import { create, remove, touch } from "../../../src/client/references.js";
import type { UsherError } from "../../../src/base/errors.js";
import type { Usher } from "../../../src/client/usher.js";
import { limits } from "../../../src/base/limits.js";
import { roles, type Role } from "../../../src/model/role.js";
import { createKey } from "../../../src/server/access/key.js";
import { removeKey } from "../../../src/server/access/keys-file.js";
import { eventually } from "../wire.js";
import { has } from "./has.js";
import { Place, schemaText } from "./place.js";

const all = ["read", "write", "schema", "audit"] as const;

describe("a guarded server", () => {
  let place: Place;

  beforeEach(async () => {
    place = await Place.open();
  });
  afterEach(() => place.close());

  const see = (usher: Usher) => usher.check("doc:1", "view", "user:ana");

  it("lets a right key in, as its principal and its tenant", async () => {
    const key = await place.key("writer", "a", all);
    const usher = await place.client({ key });
    await usher.write([create("doc:1#viewer@user:ana")], { requestId: "r" });
    assert.equal((await see(usher)).allowed, true);
    assert.equal((await see(await place.client({ key, tenant: "a" }))).allowed, true);
    const { allowed } = await place.database.check({ object: { type: "doc", id: "1" }, permission: "view", subject: { type: "user", id: "ana", relation: "" } }, { tenant: "default" });
    assert.equal(allowed, false, "the default tenant has nothing of it");
    assert.deepEqual(place.events.at(-1), { outcome: "accepted", reason: "key", peer: "127.0.0.1" });
  });

  it("refuses a missing, a wrong, an unknown and a malformed key, with one code, and tells the operator which", async () => {
    const key = await place.key("reader", "a", ["read"]);
    const wrong = createKey("reader", randomBytes);
    const [unknown, malformed] = [createKey("nobody", randomBytes), "hunter2"];
    await assert.rejects(see(await place.client()), has("unauthenticated", /no key/));
    const messages: string[] = [];
    for (const each of [wrong, unknown, malformed, key.toUpperCase()]) {
      await assert.rejects(see(await place.client({ key: each })), (error: Error) => messages.push(error.message) > 0 && has("unauthenticated")(error));
    }
    assert.equal(new Set(messages).size, 1, "a guesser does not learn whether there is such an id");
    assert.deepEqual(place.events.slice(-5).map(({ reason }) => reason), ["missing", "wrong_secret", "unknown_key", "malformed", "malformed"]);
    assert.equal((await see(await place.client({ key }))).allowed, false);
  });

  it("does not let in who was known at the door, once the keys are others or the key has expired", async () => {
    const soon = place.clock.hold() + 1;
    const made = [await place.key("revoked", "a", ["read"]), await place.key("expiring", "a", ["read"], { expiresAt: soon }), await place.key("staying", "a", ["read"])];
    const credentials = made.map((key) => ({ authorization: [`Bearer ${key}`], tenant: () => undefined, peer: "" }));
    const known = credentials.map((each) => place.access.identify(each));
    assert.ok(known.every((identity) => identity !== undefined));
    const enter = (i: number) => place.access.admit(credentials[i] ?? assert.fail(), { path: "/p", role: "read" }, new AbortController(), known[i]).release();
    for (const i of made.keys()) enter(i);
    place.clock.release();
    await eventually(() => assert.throws(() => enter(1), has("unauthenticated", /expired/)));
    await removeKey(place.keys, "revoked");
    enter(0);
    await place.access.reload();
    assert.throws(() => enter(0), has("unauthenticated"));
    enter(2);
  });

  it("refuses an unauthenticated watch before it begins, and requests before they are read", async () => {
    const usher = await place.client();
    await assert.rejects(usher.watch()[Symbol.asyncIterator]().next(), has("unauthenticated"));
    await assert.rejects(usher.check({ type: "doc", id: "1" }, "", "user:ana"), has("unauthenticated"));
  });

  it("does not slow a right key, however often a wrong one came from the same address", async () => {
    const right = await place.client({ key: await place.key("reader", "a", ["read"]) });
    const wrong = await place.client({ key: createKey("reader", randomBytes) });
    const failures = Array.from({ length: limits.failuresFreeMax + 4 }, () => see(wrong));
    const settled = Promise.allSettled(failures);
    let waiting = true;
    void settled.then(() => (waiting = false));
    for (let i = 0; i < 5; i++) await see(right);
    assert.ok(waiting, "the last failures are still waiting for their answers");
    for (const each of await settled) assert.ok(each.status === "rejected" && has("unauthenticated")(each.reason));
  });

  describe("roles", () => {
    const asks: Record<string, { role: Role; ask: (usher: Usher) => Promise<unknown> }> = {
      check: { role: "read", ask: see },
      batchCheck: { role: "read", ask: (usher) => usher.batchCheck([{ object: "doc:1", permission: "view", subject: "user:ana" }]) },
      expand: { role: "read", ask: (usher) => usher.expand("doc:1", "view") },
      lookupObjects: { role: "read", ask: (usher) => usher.countObjects("doc", "view", "user:ana") },
      lookupSubjects: { role: "read", ask: (usher) => usher.countSubjects("doc:1", "view", "user") },
      lookupPermissions: { role: "read", ask: (usher) => usher.lookupPermissions("doc:1", "user:ana") },
      readTuples: { role: "read", ask: (usher) => usher.readPage({}) },
      readSchema: { role: "read", ask: (usher) => usher.readSchema() },
      watchTuples: { role: "read", ask: (usher) => first(usher) },
      writeTuples: { role: "write", ask: (usher) => usher.write([touch("doc:1#viewer@user:ana")]) },
      deleteTuples: { role: "write", ask: (usher) => usher.deleteMatching([{ objectType: "doc" }]) },
      writeSchema: { role: "schema", ask: (usher) => usher.writeSchema(schemaText) },
      createTenant: { role: "admin", ask: (usher) => usher.createTenant(`t${randomBytes(4).toString("hex")}`) },
      listTenants: { role: "admin", ask: (usher) => usher.listTenants() },
      listHolds: { role: "admin", ask: (usher) => usher.heldDecisions().next() },
      queryDecisions: { role: "audit", ask: (usher) => logOff(usher.audit.queryPage()) },
      tailDecisions: { role: "audit", ask: (usher) => logOff(usher.audit.tail().next()) },
      getCheckpoint: { role: "audit", ask: (usher) => logOff(usher.audit.checkpoint()) },
      proveDecision: { role: "audit", ask: (usher) => logOff(usher.audit.prove(0)) },
      replayDecisions: { role: "audit", ask: (usher) => logOff(usher.audit.replay([0]).next()) },
      redactDecisions: { role: "audit", ask: (usher) => logOff(usher.audit.redact([0], "r")) },
      findLoss: { role: "audit", ask: (usher) => logOff(usher.audit.findLoss("doc:1", "view", "user:ana")) },
      setTenantQuotas: { role: "admin", ask: (usher) => usher.setTenantQuotas("b", {}) },
    };

    /** Who is let in hears that there is none. */
    async function logOff(asked: Promise<unknown>): Promise<void> {
      await assert.rejects(asked, (thrown: UsherError) => {
        if (thrown.code !== "audit_off") throw thrown;
        return true;
      });
    }

    async function first(usher: Usher): Promise<void> {
      for await (const _ of usher.watch({ checkpointMs: 1_000 })) return;
    }

    it("each let their own rpcs pass and no other", async () => {
      for (const role of roles) {
        const usher = await place.client({ key: await place.key(`only-${role}`, "*", [role]) });
        for (const [name, { role: needed, ask }] of Object.entries(asks)) {
          if (needed === role) await ask(usher);
          else await assert.rejects(ask(usher), has("permission_denied", new RegExp(`\`only-${role}\` has not the role \`${needed}\``)), name);
        }
      }
    });

    it("of a bound key never reach the tenants", async () => {
      const usher = await place.client({ key: await place.key("all-of-a", "a", all) });
      await assert.rejects(usher.deleteTenant("b"), has("permission_denied"));
      await assert.rejects(usher.listTenants(), has("permission_denied"));
      await assert.rejects(usher.holdingStreams({ tenant: "a" }).next(), has("permission_denied"));
    });
  });

  it("tells nothing of a tenant that is not the key's, not even whether there is one", async () => {
    const key = await place.key("of-a", "a", all);
    const messages: string[] = [];
    for (const tenant of ["b", "z", "default"]) {
      await assert.rejects(see(await place.client({ key, tenant })), (error: Error) => {
        messages.push(error.message.replace(`\`${tenant}\``, "`…`"));
        return has("permission_denied")(error);
      });
    }
    assert.equal(new Set(messages).size, 1);
  });

  it("lets a key of all tenants name one", async () => {
    const key = await place.key("every", "*", all);
    await (await place.client({ key, tenant: "b" })).write([touch("doc:1#viewer@user:ana")]);
    assert.equal((await see(await place.client({ key, tenant: "b" }))).allowed, true);
    assert.equal((await see(await place.client({ key, tenant: "a" }))).allowed, false);
    assert.equal((await see(await place.client({ key }))).allowed, false, "without a name it is the default tenant's");
    await assert.rejects(see(await place.client({ key, tenant: "z" })), has("tenant_unknown", /`z`: name one that there is, or create it/));
  });

  describe("on a reload", () => {
    it("ends the streams and the calls of a revoked key, and lets no new one in", async () => {
      const [gone, stays] = [await place.key("gone", "a", all), await place.key("stays", "a", all)];
      const [leaving, staying] = [await place.client({ key: gone }), await place.client({ key: stays })];
      const streams = [leaving, staying].map((usher) => usher.watch({ checkpointMs: 3_600_000 })[Symbol.asyncIterator]());
      for (const stream of streams) await stream.next();
      const [ended, open] = streams.map((stream) => stream.next()) as [Promise<unknown>, Promise<unknown>];
      await removeKey(place.keys, "gone");
      const refused = assert.rejects(ended, has("unauthenticated", /`gone` was revoked/));
      await place.access.reload();
      await refused;
      await assert.rejects(see(leaving), has("unauthenticated"));
      await staying.write([touch("doc:1#viewer@user:ana")]);
      assert.equal(((await open) as { value: { kind: string } }).value.kind, "commit");
    });

    it("ends an import of a revoked key, of which nothing is left", async () => {
      const importer = await place.client({ key: await place.key("gone", "a", all) });
      let revoked: () => void = () => undefined;
      const after = new Promise<void>((resolve) => (revoked = resolve));
      async function* lines(): AsyncGenerator<string, void> {
        for (let i = 0; i < 1_500; i++) yield `doc:${i}#viewer@user:ana`;
        await after;
        yield "doc:last#viewer@user:ana";
      }
      const ended = assert.rejects(importer.importTuples(lines(), {}), has("unauthenticated", /`gone` was revoked/));
      await eventually(() => assert.equal(place.events.at(-1)?.reason, "key"));
      await removeKey(place.keys, "gone");
      await place.access.reload();
      revoked();
      await ended;
      const { tuples } = await place.database.readTuples({ filter: {} }, { tenant: "a" });
      assert.deepEqual(tuples, []);
    });

    it("ends those whose key may do less or is of another tenant, and not those whose key may do more", async () => {
      const key = await place.key("k", "a", ["read"]);
      const edit = async (from: string, to: string) => {
        writeFileSync(place.keys, readFileSync(place.keys, "utf8").replace(new RegExp(`(id: k\n[^]*)${from}`), `$1${to}`));
        await place.access.reload();
      };
      const stream = (await place.client({ key })).watch({ checkpointMs: 3_600_000 })[Symbol.asyncIterator]();
      await stream.next();
      const next = stream.next();
      next.catch(() => undefined);
      await edit("- read", "- read\n      - write");
      await place.database.writeTuples({ operations: [touch("doc:1#viewer@user:ana")] }, { tenant: "a" });
      await next;
      const ended = assert.rejects(stream.next(), has("unauthenticated"));
      await edit("tenant: a", "tenant: b");
      await ended;
      const writer = await place.key("w", "a", ["read", "write"]);
      const other = (await place.client({ key: writer })).watch({ checkpointMs: 3_600_000 })[Symbol.asyncIterator]();
      await other.next();
      const lessened = assert.rejects(other.next(), has("unauthenticated", /may do less/));
      writeFileSync(place.keys, readFileSync(place.keys, "utf8").replace(/(id: w\n[^]*- read)\n *- write/, "$1"));
      await place.access.reload();
      await lessened;
    });

    it("keeps the old keys where the file is wrong, and takes it when it is right again", async () => {
      const key = await place.key("k", "a", ["read"]);
      const text = readFileSync(place.keys, "utf8");
      for (const broken of [`${text}  - {id: x}\n`, "keys: [", "", `${text}more: 1\n`]) {
        writeFileSync(place.keys, broken);
        await assert.rejects(place.access.reload(), has("invalid_file"));
        await see(await place.client({ key }));
      }
      writeFileSync(place.keys, text);
      await removeKey(place.keys, "k");
      await place.access.reload();
      await assert.rejects(see(await place.client({ key })), has("unauthenticated"));
    });
  });

  it("ends a stream when its key expires, and lets an expired key in no more", async () => {
    const key = await place.key("brief", "a", ["read"], { expiresAt: place.clock.hold() + 50 });
    const usher = await place.client({ key });
    const stream = usher.watch({ checkpointMs: 3_600_000 })[Symbol.asyncIterator]();
    await stream.next();
    place.clock.release();
    await assert.rejects(stream.next(), has("unauthenticated", /expired/));
    await assert.rejects(see(usher), has("unauthenticated", /expired/));
    assert.equal(place.events.at(-1)?.reason, "expired");
  });

  it("ends everything of a tenant that is deleted while it is used", async () => {
    const [key, admin] = [await place.key("k", "a", all), await place.key("root", "*", ["admin"])];
    const usher = await place.client({ key });
    const stream = usher.watch({ checkpointMs: 3_600_000 })[Symbol.asyncIterator]();
    await stream.next();
    // What was committed before the deletion may arrive first.
    const ended = assert.rejects(async () => {
      while (!(await stream.next()).done);
    }, has("tenant_unknown"));
    const writes = Array.from({ length: 50 }, (_, i) => usher.write([touch(`doc:${i}#viewer@user:ana`)]).then(() => "written", has("tenant_unknown")));
    await (await place.client({ key: admin })).deleteTenant("a");
    await ended;
    await Promise.all(writes);
    for (const ask of [see, (each: Usher) => each.readSchema(), (each: Usher) => each.write([touch("doc:1#viewer@user:ana")])]) await assert.rejects(ask(usher), has("tenant_unknown"));
  });

  it("holds a tenant to its requests a second and its tuples, and no other tenant", async () => {
    const [a, b, admin] = [await place.key("ka", "a", all), await place.key("kb", "b", all), await place.key("root", "*", ["admin"])];
    const [ofA, ofB, root] = [await place.client({ key: a }), await place.client({ key: b }), await place.client({ key: admin })];
    await root.setTenantQuotas("a", { requestsPerSecond: 3 });
    const results = await Promise.allSettled(Array.from({ length: 40 }, () => see(ofA)));
    const refused = results.filter((each) => each.status === "rejected");
    assert.ok(refused.length >= 20, String(refused.length));
    for (const each of refused) has("quota_exceeded", /requests/)(each.reason);
    for (let i = 0; i < 40; i++) await see(ofB);
    await Promise.all(Array.from({ length: 20 }, (_, i) => ofA.write([remove(`doc:${i}#viewer@user:ana`)])));
    await ofA.deleteMatching([{ objectType: "doc" }]);
    const writes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => ofA.write(i % 2 === 0 ? [] : [touch("doc:1#viewer@user:ana"), remove("doc:2#viewer@user:ana")])));
    assert.ok(writes.filter((each) => each.status === "rejected" && has("quota_exceeded")(each.reason)).length >= 15, "what is no revocation is refused");
    await root.setTenantQuotas("a", { tuples: 1 });
    await ofA.write([touch("doc:1#viewer@user:ana")]);
    await assert.rejects(ofA.write([touch("doc:2#viewer@user:ana")]), has("quota_exceeded", /quota of 1/));
    assert.deepEqual((await root.listTenants()).map(({ name, tuples, quotas }) => ({ name, tuples, quotas })), [
      { name: "a", tuples: 1, quotas: { tuples: 1 } },
      { name: "b", tuples: 0, quotas: {} },
      { name: "default", tuples: 0, quotas: {} },
    ]);
  });
});
