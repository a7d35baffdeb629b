import assert from "node:assert/strict";
import { limits } from "../../src/base/limits.js";
import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { Database } from "../../src/database/database.js";
import type { Call, LookupObjectsRequest, LookupSubjectsRequest } from "../../src/model/service.js";
import { parseObject, parseSubject, parseTuple } from "../../src/model/tuple-text.js";
import type { Tuple } from "../../src/model/tuple.js";
import { inFolder } from "../support/folder.js";
import { HandClock } from "../watch/store.js";

const acme: Call = { tenant: "acme" };
const rival: Call = { tenant: "rival" };
const schema = `
  use expiration
  definition user {}
  definition group { relation member: user | group#member | user with expiration }
  definition doc {
    relation viewer: user | user:* | group#member | user with expiration
    relation banned: user | group#member
    permission view = viewer - banned
  }`;
const objects: LookupObjectsRequest = { objectType: "doc", permission: "view", subject: parseSubject("user:ana"), pageSize: 1 };
const subjects: LookupSubjectsRequest = { object: parseObject("doc:1"), permission: "view", subjectType: "user", pageSize: 1 };

async function withTenants(body: (database: Database, clock: HandClock) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const clock = new HandClock();
    const database = await Database.open(folder, { time: clock });
    try {
      for (const call of [acme, rival]) {
        await database.createTenant({ name: call.tenant ?? "" }, {});
        await database.writeSchema({ text: schema }, call);
      }
      await body(database, clock);
    } finally {
      await database.close();
    }
  });
}

async function write(database: Database, call: Call, ...tuples: readonly (string | Tuple)[]): Promise<string> {
  const operations = tuples.map((tuple) => ({ kind: "touch" as const, tuple: typeof tuple === "string" ? parseTuple(tuple) : tuple }));
  return (await database.writeTuples({ operations }, call)).zookie;
}

async function objectIds(database: Database, call: Call, more: Partial<LookupObjectsRequest> = {}): Promise<string[]> {
  const ids: string[] = [];
  let cursor = more.cursor;
  do {
    const page = await database.lookupObjects({ ...objects, ...more, ...(cursor === undefined ? {} : { cursor }) }, call);
    ids.push(...page.results.map(({ object }) => object.id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return ids;
}

async function subjectIds(database: Database, call: Call, more: Partial<LookupSubjectsRequest> = {}): Promise<string[]> {
  const ids: string[] = [];
  let cursor = more.cursor;
  do {
    const page = await database.lookupSubjects({ ...subjects, ...more, ...(cursor === undefined ? {} : { cursor }) }, call);
    ids.push(...page.results.map(({ subject }) => subject.id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return ids;
}

function refusal(code: ErrorCode) {
  return (error: unknown) => error instanceof UsherError && error.code === code;
}

function fieldsOf(cursor: string): string[] {
  return JSON.parse(Buffer.from(cursor, "base64url").toString()) as string[];
}

function forge(cursor: string, at: number, value: string): string {
  return Buffer.from(JSON.stringify(fieldsOf(cursor).with(at, value))).toString("base64url");
}

describe("cursors of lookups", () => {
  it("are of their tenant, and what one tenant enumerated is not another's", async () => {
    await withTenants(async (database) => {
      await write(database, acme, "doc:1#viewer@user:ana", "doc:2#viewer@user:ana", "doc:1#viewer@user:bo");
      await write(database, rival, "doc:1#viewer@user:eve", "doc:8#viewer@user:ana", "doc:9#viewer@user:ana");
      const first = await database.lookupObjects(objects, acme);
      const who = await database.lookupSubjects(subjects, acme);
      for (const [cursor, look] of [[first.cursor, objectIds], [who.cursor, subjectIds]] as const) {
        assert.ok(cursor);
        await assert.rejects(look(database, rival, { cursor }), refusal("zookie_of_other_tenant"));
      }
      // The same request at the same revision and instant.
      assert.deepEqual([await objectIds(database, rival), await subjectIds(database, rival)], [["8", "9"], ["eve"]]);
      assert.deepEqual([await objectIds(database, acme, { cursor: first.cursor ?? "" }), await subjectIds(database, acme, { cursor: who.cursor ?? "" })], [["2"], ["bo"]]);
    });
  });

  it("end with their tenant, also under the same name", async () => {
    await withTenants(async (database) => {
      await write(database, acme, "doc:1#viewer@user:ana", "doc:2#viewer@user:ana");
      const { cursor = "" } = await database.lookupObjects(objects, acme);
      await database.deleteTenant({ name: "acme" }, {});
      await assert.rejects(objectIds(database, acme, { cursor }), refusal("tenant_unknown"));
      await database.createTenant({ name: "acme" }, {});
      await database.writeSchema({ text: schema }, acme);
      await assert.rejects(objectIds(database, acme, { cursor }), refusal("zookie_of_other_tenant"));
      assert.deepEqual(await objectIds(database, acme), []);
    });
  });

  it("go on under the schema of their snapshot, and a lookup at a changed one is of that", async () => {
    await withTenants(async (database) => {
      await write(database, acme, "doc:1#viewer@user:ana", "doc:2#viewer@user:ana", "doc:3#viewer@user:ana", "doc:2#banned@user:ana", "doc:1#viewer@user:bo", "doc:1#viewer@user:cy");
      const first = await database.lookupObjects(objects, acme);
      const who = await database.lookupSubjects(subjects, acme);
      await database.writeSchema({ text: schema.replace("view = viewer - banned", "view = banned") }, acme);
      assert.deepEqual(await objectIds(database, acme, { cursor: first.cursor ?? "" }), ["3"]);
      assert.deepEqual(await subjectIds(database, acme, { cursor: who.cursor ?? "" }), ["bo", "cy"]);
      assert.deepEqual([await objectIds(database, acme), await subjectIds(database, acme)], [["2"], []]);
    });
  });

  it("take another size for each page", async () => {
    await withTenants(async (database) => {
      const ids = Array.from({ length: 40 }, (_, i) => String(i + 10));
      await write(database, acme, ...ids.map((id) => `doc:${id}#viewer@user:ana`), ...ids.map((id) => `doc:1#viewer@user:u${id}`));
      const seen: string[][] = [[], []];
      let [atObject, atSubject]: (string | undefined)[] = [];
      for (const pageSize of [1, 7, 2, limits.pageTuplesMax]) {
        const page = await database.lookupObjects({ ...objects, pageSize, ...(atObject === undefined ? {} : { cursor: atObject }) }, acme);
        const who = await database.lookupSubjects({ ...subjects, pageSize, ...(atSubject === undefined ? {} : { cursor: atSubject }) }, acme);
        [atObject, atSubject] = [page.cursor, who.cursor];
        seen[0]?.push(...page.results.map(({ object }) => object.id));
        seen[1]?.push(...who.results.map(({ subject }) => subject.id));
      }
      assert.deepEqual([seen, atObject, atSubject], [[ids, ids.map((id) => `u${id}`)], undefined, undefined]);
    });
  });

  it("keep to their instant, whatever a later lookup at the same snapshot has enumerated", async () => {
    await withTenants(async (database, clock) => {
      const expiresAt = clock.ms + 1_000;
      const ending = ["doc:3#viewer@user:ana", "group:g#member@user:dan"].map((text) => ({ ...parseTuple(text), expiresAt }));
      await write(database, acme, ...ending, "doc:1#viewer@user:ana", "doc:2#viewer@user:ana", "doc:1#viewer@group:g#member", "group:g#member@user:bo");
      const first = await database.lookupObjects(objects, acme);
      const who = await database.lookupSubjects(subjects, acme);
      const rest = async () => [await objectIds(database, acme, { cursor: first.cursor ?? "" }), await subjectIds(database, acme, { cursor: who.cursor ?? "" })];
      assert.deepEqual(await rest(), [["2", "3"], ["bo", "dan"]]);
      clock.ms += 1_000;
      // Their first pages enumerate what stands now, and leave it for their second ones.
      const [later, whoLater] = [await database.lookupObjects(objects, acme), await database.lookupSubjects(subjects, acme)];
      assert.deepEqual(await rest(), [["2", "3"], ["bo", "dan"]]);
      assert.deepEqual(await objectIds(database, acme, { cursor: later.cursor ?? "" }), ["2"]);
      assert.deepEqual(await subjectIds(database, acme, { cursor: whoLater.cursor ?? "" }), ["bo"]);
    });
  });

  it("that were changed show nobody who is denied, and reach no instant before their snapshot or behind the clock", async () => {
    await withTenants(async (database, clock) => {
      const expiresAt = clock.ms + 1_000;
      const before = await write(database, acme, { ...parseTuple("doc:3#viewer@user:ana"), expiresAt }, "doc:7#viewer@user:ana", "doc:1#viewer@user:ana", "doc:2#viewer@user:ana", "doc:2#banned@user:ana");
      clock.ms += 2_000;
      await write(database, acme, "doc:4#viewer@user:ana", "doc:7#banned@user:ana", "doc:1#viewer@user:*", "doc:1#banned@user:bo", "doc:1#viewer@user:!");
      const { cursor = "", instant } = await database.lookupObjects(objects, acme);
      for (const wrong of [instant - 1, instant + 1, expiresAt - 1]) await assert.rejects(objectIds(database, acme, { cursor: forge(cursor, 2, String(wrong)) }), refusal("invalid_cursor"));
      for (const after of ["!", "0", "1", "*", "2", "\u{1f511}"]) {
        for (const id of await objectIds(database, acme, { cursor: forge(cursor, 3, after) })) assert.ok(["1", "4"].includes(id), id);
      }
      const { cursor: who = "" } = await database.lookupSubjects(subjects, acme);
      for (const after of ["!", "*", "a", "bo", "zz"]) {
        for (const id of await subjectIds(database, acme, { cursor: forge(who, 3, after) })) assert.ok(["!", "ana"].includes(id), id);
      }
      // The zookie of another commit is that of another snapshot, and the answers are those that it gives to who asks for it by name.
      assert.deepEqual(await objectIds(database, acme, { cursor: forge(cursor, 0, before) }), ["7"]);
      await assert.rejects(objectIds(database, acme, { cursor: forge(cursor, 1, fieldsOf(who)[1] ?? "") }), refusal("invalid_cursor"));
    });
  });

  it("go on in the order of bytes, over ids of any script and prefixes that end within none", async () => {
    const ids = ["!", "(", "*x", "+", "a%b", "a:b", "a_b", "ab", "B", "\u00e9", "e\u0301", "\ud7ff", "\ue000", "\ufffd", "\u{10000}", "\u{1f511}", "\u{10ffff}"];
    const inOrder = [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    await withTenants(async (database) => {
      const tuple = (object: string, subject: string): Tuple => ({ object: { type: "doc", id: object }, relation: "viewer", subject: { type: "user", id: subject, relation: "" } });
      await write(database, acme, ...ids.flatMap((id) => [tuple(id, "ana"), tuple("1", id)]));
      for (const pageSize of [1, 2, 5]) {
        assert.deepEqual(await objectIds(database, acme, { pageSize }), inOrder);
        assert.deepEqual(await subjectIds(database, acme, { pageSize }), inOrder);
      }
      for (const idPrefix of ["a", "a%", "a:", "a_", "\u{1f511}", "!"]) {
        const expected = inOrder.filter((id) => id.startsWith(idPrefix));
        assert.deepEqual(await objectIds(database, acme, { idPrefix }), expected);
        assert.deepEqual(await subjectIds(database, acme, { idPrefix }), expected);
      }
      await write(database, acme, tuple("1", "*"));
      assert.deepEqual(await subjectIds(database, acme), ["*", ...inOrder]);
      for (const idPrefix of ["\ud83d", "a\n", "#"]) await assert.rejects(objectIds(database, acme, { idPrefix }), refusal("invalid_id"));
    });
  });

  it("add up counts, over as many pages as those judge", async () => {
    await withTenants(async (database) => {
      const count = limits.lookupCandidatesPerPageMax + 1;
      const tuples = Array.from({ length: count }, (_, i) => `doc:1#viewer@user:u${i}`);
      for (let at = 0; at < count; at += limits.operationsPerWriteMax) await write(database, acme, ...tuples.slice(at, at + limits.operationsPerWriteMax));
      await write(database, acme, "doc:1#banned@user:u0");
      let allowed = 0;
      const pages: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await database.lookupSubjects({ ...subjects, countOnly: true, ...(cursor === undefined ? {} : { cursor }) }, acme);
        await write(database, acme, `doc:1#banned@user:u${pages.length + 1}`);
        pages.push(page.results.length);
        allowed += page.count?.allowed ?? 0;
        cursor = page.cursor;
      } while (cursor !== undefined);
      assert.deepEqual([allowed, pages], [count - 1, [0, 0]]);
    });
  });
});
