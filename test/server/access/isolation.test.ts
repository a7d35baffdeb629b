import assert from "node:assert/strict";

import fc from "fast-check";

import { UsherError } from "../../../src/base/errors.js";
import { touch } from "../../../src/client/references.js";
import type { Usher } from "../../../src/client/usher.js";
import type { Consistency } from "../../../src/model/service.js";
import { Place } from "./place.js";

const all = ["read", "write", "schema", "audit"] as const;

/** What only the other tenant knows; none of it may ever come back to one who did not send it. */
const secret = "s3cr3t";
const foreignSchema = `definition user {}\ndefinition ${secret}_doc { relation ${secret}_viewer: user; permission ${secret}_view = ${secret}_viewer }`;
const foreignTuple = `${secret}_doc:${secret}-1#${secret}_viewer@user:${secret}-ana`;

describe("one tenant before another", function () {
  this.timeout(120_000);

  let place: Place;
  let mine: Usher;
  let asForeign: Usher[];
  /** Tokens of the other tenant: zookies of every age, cursors, positions of streams. */
  let zookies: string[];
  let cursors: string[];
  let lookupCursor: string;
  const theirLookup = [`${secret}_doc`, `${secret}_view`, `user:${secret}-ana`] as const;

  before(async () => {
    place = await Place.open();
    const theirs = await place.client({ key: await place.key("of-b", "b", all) });
    zookies = [(await theirs.writeSchema(foreignSchema)).zookie];
    for (let i = 0; i < 5; i++) zookies.push((await theirs.write([touch(foreignTuple.replace("-1", `-${i}`))], { requestId: `${secret}-${i}`, metadata: { secret } })).zookie);
    cursors = [(await theirs.readPage({}, { pageSize: 1 })).cursor ?? "", (await theirs.readPage({ objectType: `${secret}_doc` }, { pageSize: 2 })).cursor ?? ""];
    lookupCursor = (await theirs.lookupObjectsPage(...theirLookup, { pageSize: 1 })).cursor ?? "";
    for await (const event of theirs.watch({ fromEarliest: true, checkpointMs: 100 })) {
      if (event.zookie !== undefined) zookies.push(event.zookie);
      if (event.kind === "checkpoint") break;
    }
    const key = await place.key("of-a", "a", all);
    mine = await place.client({ key });
    await mine.write([touch("doc:1#viewer@user:ana"), touch("doc:2#viewer@user:bo")]);
    asForeign = await Promise.all(["b", "nobody", "default"].map((tenant) => place.client({ key, tenant })));
  });
  after(() => place.close());

  /** What came back, whatever it was: the answer, or all that an error says. */
  async function outcome(ask: () => Promise<unknown>): Promise<{ text: string; code: string | undefined }> {
    try {
      return { text: JSON.stringify(await ask()), code: undefined };
    } catch (error) {
      assert.ok(error instanceof UsherError, String(error));
      return { text: JSON.stringify([error.code, error.message, error.details]), code: error.code };
    }
  }

  async function events(usher: Usher, after: string | undefined): Promise<unknown[]> {
    const seen: unknown[] = [];
    const request = after === undefined ? { fromEarliest: true } : { after };
    for await (const event of usher.watch({ ...request, checkpointMs: 100 })) {
      seen.push(event);
      if (event.kind === "checkpoint") break;
    }
    return seen;
  }

  const useless = new Set(["zookie_of_other_tenant", "invalid_cursor"]);

  it("gets nothing by the other's tokens, for any request and any token", async () => {
    const asks = fc.constantFrom("check", "batch", "expand", "objects", "subjects", "permissions", "read", "schema", "watch", "page", "goOn");
    const kinds = fc.constantFrom("atLeast" as const, "exact" as const);
    await fc.assert(
      fc.asyncProperty(asks, kinds, fc.nat(), fc.nat(), async (what, kind, at, cursorAt) => {
        const zookie = zookies[at % zookies.length] ?? "";
        const cursor = cursors[cursorAt % cursors.length] ?? "";
        const consistency: Consistency = { kind, zookie };
        const requests: Record<typeof what, () => Promise<unknown>> = {
          check: () => mine.check("doc:1", "view", "user:ana", { consistency }),
          batch: () => mine.batchCheck([{ object: "doc:1", permission: "view", subject: "user:ana" }], { consistency }),
          expand: () => mine.expand("doc:1", "view", { consistency }),
          objects: () => mine.lookupObjectsPage("doc", "view", "user:ana", { consistency }),
          subjects: () => mine.lookupSubjectsPage("doc:1", "view", "user", { consistency }),
          permissions: () => mine.lookupPermissions("doc:1", "user:ana", { consistency }),
          goOn: () => mine.lookupObjectsPage(...theirLookup, { cursor: at % 2 === 0 ? lookupCursor : cursor }),
          read: () => mine.readPage({}, { consistency }),
          schema: () => mine.readSchema({ consistency }),
          watch: () => events(mine, zookie),
          page: () => mine.readPage({}, { cursor }),
        };
        const { text, code } = await outcome(requests[what]);
        assert.ok(code !== undefined && useless.has(code), `${what}: ${text}`);
        assert.ok(!text.includes(secret), text);
      }),
      { numRuns: 150 },
    );
  });

  it("gets nothing by the other's names, and is told of them as of names that nobody has", async () => {
    const alike = async (theirs: () => Promise<unknown>, nobodys: () => Promise<unknown>, name: string, other: string) => {
      const [a, b] = [await outcome(theirs), await outcome(nobodys)];
      assert.equal(a.text.replaceAll(name, "…").replace(/"[\w-]{20,}"/g, "zookie"), b.text.replaceAll(other, "…").replace(/"[\w-]{20,}"/g, "zookie"));
    };
    const other = "n0b0dy";
    for (const name of [secret]) {
      await alike(() => mine.check(`${name}_doc:1`, "view", "user:ana"), () => mine.check(`${other}_doc:1`, "view", "user:ana"), name, other);
      await alike(() => mine.check("doc:1", `${name}_view`, "user:ana"), () => mine.check("doc:1", `${other}_view`, "user:ana"), name, other);
      await alike(() => mine.readPage({ objectType: `${name}_doc` }), () => mine.readPage({ objectType: `${other}_doc` }), name, other);
      await alike(() => mine.readPage({ objectType: "doc", objectId: `${name}-1` }), () => mine.readPage({ objectType: "doc", objectId: `${other}-1` }), name, other);
      await alike(() => mine.expand(`${name}_doc:1`, `${name}_view`), () => mine.expand(`${other}_doc:1`, `${other}_view`), name, other);
      await alike(() => mine.write([touch(`${name}_doc:1#viewer@user:ana`)]), () => mine.write([touch(`${other}_doc:1#viewer@user:ana`)]), name, other);
    }
  });

  it("gets nothing by naming the other, and is told the same of one that is not there", async () => {
    const asks: ((usher: Usher) => Promise<unknown>)[] = [
      (usher) => usher.readPage({}), (usher) => usher.readSchema(), (usher) => events(usher, undefined), (usher) => events(usher, zookies[0]),
      (usher) => usher.check("doc:1", "view", "user:ana"), (usher) => usher.write([touch("doc:9#viewer@user:ana")]), (usher) => usher.deleteMatching([{ objectType: "doc" }]), (usher) => usher.writeSchema("definition user {}"),
    ];
    for (const ask of asks) {
      const texts = await Promise.all(asForeign.map(async (usher, i) => (await outcome(() => ask(usher))).text.replace(["`b`", "`nobody`", "`default`"][i] ?? "", "`…`")));
      assert.equal(new Set(texts).size, 1, texts.join("\n"));
      assert.match(texts[0] ?? "", /permission_denied/);
    }
  });

  it("sees of the store its own alone: tuples, schema, stream", async () => {
    const read = await outcome(async () => [await mine.readPage({}), await mine.readSchema(), await events(mine, undefined)]);
    assert.equal(read.code, undefined);
    assert.ok(!read.text.includes(secret), read.text);
  });

  it("may use the request ids of the other, each with an outcome of its own", async () => {
    const answer = await mine.write([touch("doc:3#viewer@user:ana")], { requestId: `${secret}-0` });
    assert.equal(answer.changed, 1);
    assert.equal((await mine.check("doc:3", "view", "user:ana")).allowed, true);
  });

  it("gets nothing of a tenant that had the same name before", async () => {
    const { database } = place;
    await database.createTenant({ name: "reborn" }, {});
    await database.writeSchema({ text: foreignSchema }, { tenant: "reborn" });
    const { zookie } = await database.writeTuples({ operations: [touch(foreignTuple)] }, { tenant: "reborn" });
    const cursor = (await database.readTuples({ filter: {}, pageSize: 1 }, { tenant: "reborn" })).cursor;
    await database.deleteTenant({ name: "reborn" }, {});
    await database.createTenant({ name: "reborn" }, {});
    assert.equal(cursor, undefined);
    for (const ask of [
      () => database.readSchema({}, { tenant: "reborn" }),
      () => database.readTuples({ filter: {} }, { tenant: "reborn" }),
      () => database.readSchema({ consistency: { kind: "exact", zookie } }, { tenant: "reborn" }),
    ]) {
      const { text, code } = await outcome(ask);
      assert.ok(code === "schema_missing" || code === "zookie_of_other_tenant", text);
      assert.ok(!text.includes(secret), text);
    }
  });
});
