import assert from "node:assert/strict";
import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { limits } from "../../src/base/limits.js";
import { Database } from "../../src/database/database.js";
import type { Call, LookupObjectsRequest, LookupSubjectsRequest } from "../../src/model/service.js";
import { parseObject, parseSubject, parseTuple } from "../../src/model/tuple-text.js";
import { openLevelStore } from "../../src/storage/level/store.js";
import { inFolder } from "../support/folder.js";
import { HandClock } from "../watch/store.js";

const call: Call = {};
const schema = `
  use expiration
  caveat on(x bool) { x }
  definition user {}
  definition folder { relation viewer: user }
  definition doc {
    relation parent: folder
    relation viewer: user | user:* | user with on | user with expiration
    permission view = viewer + parent->viewer
  }`;
const objects: LookupObjectsRequest = { objectType: "doc", permission: "view", subject: parseSubject("user:ana") };
const subjects: LookupSubjectsRequest = { object: parseObject("doc:1"), permission: "view", subjectType: "user" };

async function withDatabase(tuples: readonly string[], body: (database: Database, clock: HandClock) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const clock = new HandClock();
    const database = await Database.open(folder, { time: clock });
    try {
      await database.writeSchema({ text: schema }, call);
      await database.writeTuples({ operations: tuples.map((text) => ({ kind: "create", tuple: parseTuple(text) })) }, call);
      await body(database, clock);
    } finally {
      await database.close();
    }
  });
}

async function ids(database: Database, request: LookupObjectsRequest): Promise<string[]> {
  return (await database.lookupObjects(request, call)).results.map(({ object }) => object.id);
}

function refusal(code: ErrorCode) {
  return (error: unknown) => error instanceof UsherError && error.code === code;
}

describe("lookups", () => {
  const viewers = ["doc:1", "doc:2", "doc:3", "doc:4"].map((doc) => `${doc}#viewer@user:ana`);

  it("page over the snapshot of the first page, whatever is written meanwhile", async () => {
    await withDatabase(viewers, async (database) => {
      const first = await database.lookupObjects({ ...objects, pageSize: 2 }, call);
      assert.deepEqual(first.results.map(({ object, allowed, missingFields }) => [object.id, allowed, missingFields]), [["1", true, []], ["2", true, []]]);
      await database.deleteTuples({ filters: [{ objectType: "doc" }] }, call);
      await database.writeTuples({ operations: [{ kind: "create", tuple: parseTuple("doc:9#viewer@user:ana") }] }, call);
      const second = await database.lookupObjects({ ...objects, cursor: first.cursor ?? "" }, call);
      assert.deepEqual([second.results.map(({ object }) => object.id), second.zookie, second.instant, second.cursor], [["3", "4"], first.zookie, first.instant, undefined]);
      assert.deepEqual(await ids(database, objects), ["9"]);
      assert.deepEqual(await ids(database, { ...objects, consistency: { kind: "exact", zookie: first.zookie } }), ["1", "2", "3", "4"]);
    });
  });

  it("of several at once do not get into each other's pages", async () => {
    await withDatabase([...viewers, ...["doc:2", "doc:5", "doc:6"].map((doc) => `${doc}#viewer@user:bo`)], async (database) => {
      const requests: LookupObjectsRequest[] = [objects, { ...objects, subject: parseSubject("user:bo") }, { ...objects, permission: "viewer" }, { ...objects, idPrefix: "3" }];
      const seen: string[][] = requests.map(() => []);
      let cursors: (string | undefined)[] = requests.map(() => "");
      while (cursors.some((cursor) => cursor !== undefined)) {
        cursors = await Promise.all(
          requests.map(async (request, i) => {
            const cursor = cursors[i];
            if (cursor === undefined) return undefined;
            const page = await database.lookupObjects({ ...request, pageSize: 1, ...(cursor === "" ? {} : { cursor }) }, call);
            seen[i]?.push(...page.results.map(({ object }) => object.id));
            return page.cursor;
          }),
        );
      }
      assert.deepEqual(seen, [["1", "2", "3", "4"], ["2", "5", "6"], ["1", "2", "3", "4"], ["3"]]);
    });
  });

  it("judge what expires at the instant of the first page, for as long as pages go on", async () => {
    await withDatabase(viewers, async (database, clock) => {
      const tuple = { ...parseTuple("doc:5#viewer@user:ana"), expiresAt: clock.ms + 1_000 };
      await database.writeTuples({ operations: [{ kind: "create", tuple }] }, call);
      const { cursor = "" } = await database.lookupObjects({ ...objects, pageSize: 3 }, call);
      clock.ms += 2_000;
      assert.deepEqual(await ids(database, { ...objects, cursor }), ["4", "5"]);
      assert.deepEqual(await ids(database, objects), ["1", "2", "3", "4"]);
      clock.ms += limits.lookupCursorMsMax - 2_000;
      assert.deepEqual(await ids(database, { ...objects, cursor }), ["4", "5"]);
      clock.ms += 1;
      await assert.rejects(database.lookupObjects({ ...objects, cursor }, call), refusal("cursor_expired"));
    });
  });

  it("refuse a cursor of another request, of another kind of lookup, and one that was changed", async () => {
    await withDatabase([...viewers, "doc:1#viewer@user:bo", "doc:1#viewer@user:cy"], async (database) => {
      const { cursor = "" } = await database.lookupObjects({ ...objects, pageSize: 2 }, call);
      const others: Partial<LookupObjectsRequest>[] = [
        { subject: parseSubject("user:bo") },
        { permission: "viewer" },
        { idPrefix: "1" },
        { countOnly: true },
        { context: { x: true } },
        { contextualTuples: [parseTuple("doc:9#viewer@user:ana")] },
        { within: { relation: "parent", subject: parseSubject("folder:f") } },
      ];
      for (const other of others) await assert.rejects(database.lookupObjects({ ...objects, ...other, cursor }, call), refusal("invalid_cursor"), JSON.stringify(other));
      await assert.rejects(database.lookupSubjects({ ...subjects, cursor }, call), refusal("invalid_cursor"));
      await assert.rejects(database.readTuples({ filter: {}, cursor }, call), refusal("invalid_cursor"));
      const fields = JSON.parse(Buffer.from(cursor, "base64url").toString()) as string[];
      const forged = (at: number, value: string) => Buffer.from(JSON.stringify(fields.with(at, value))).toString("base64url");
      for (const wrong of ["", "x", forged(0, "x"), forged(2, "1"), forged(2, "9999999999999"), forged(2, "-1"), forged(2, "now"), forged(3, ""), forged(3, "a#b")]) {
        await assert.rejects(database.lookupObjects({ ...objects, cursor: wrong }, call), refusal("invalid_cursor"), wrong);
      }
      // The size of pages is no part of the request, and neither is a field that says what was left out.
      assert.deepEqual(await ids(database, { ...objects, countOnly: false, pageSize: 9, cursor }), ["3", "4"]);
    });
  });

  it("refuse a cursor whose snapshot lies before the horizon", async () => {
    await inFolder(async (folder) => {
      const clock = new HandClock();
      const store = await openLevelStore(folder, { time: clock, horizonMs: 1_000, maintenanceMs: Number.POSITIVE_INFINITY });
      const database = new Database(store);
      try {
        await database.writeSchema({ text: schema }, call);
        await database.writeTuples({ operations: viewers.map((text) => ({ kind: "create", tuple: parseTuple(text) })) }, call);
        const { cursor = "" } = await database.lookupObjects({ ...objects, pageSize: 2 }, call);
        for (const user of ["bo", "cy"]) {
          clock.ms += 2_000;
          await database.writeTuples({ operations: [{ kind: "create", tuple: parseTuple(`doc:1#viewer@user:${user}`) }] }, call);
        }
        await store.maintain();
        await assert.rejects(database.lookupObjects({ ...objects, cursor }, call), refusal("cursor_expired"));
      } finally {
        await database.close();
      }
    });
  });

  it("take the pages that reads take, and no others", async () => {
    await withDatabase(viewers, async (database) => {
      for (const pageSize of [0, -1, 1.5, limits.pageTuplesMax + 1]) {
        await assert.rejects(database.lookupObjects({ ...objects, pageSize }, call), refusal("invalid_request"));
        await assert.rejects(database.lookupSubjects({ ...subjects, pageSize }, call), refusal("invalid_request"));
      }
      assert.equal((await ids(database, { ...objects, pageSize: limits.pageTuplesMax })).length, 4);
    });
  });

  it("refuse what the schema does not know, what is malformed, and a wildcard that asks", async () => {
    await withDatabase(viewers, async (database) => {
      const wrong: [Partial<LookupObjectsRequest>, ErrorCode][] = [
        [{ objectType: "none" }, "unknown_type"],
        [{ permission: "none" }, "unknown_relation"],
        [{ subject: parseSubject("none:x") }, "unknown_type"],
        [{ subject: parseSubject("folder:x#none") }, "unknown_relation"],
        [{ subject: { type: "user", id: "*", relation: "" } }, "invalid_request"],
        [{ within: { relation: "none", subject: parseSubject("folder:f") } }, "unknown_relation"],
        [{ idPrefix: "" }, "invalid_id"],
        [{ idPrefix: "a b" }, "invalid_id"],
        [{ context: [] as never }, "invalid_context"],
        [{ contextualTuples: [parseTuple("doc:1#view@user:ana")] }, "relation_not_writable"],
        [{ contextualTuples: "x" as never }, "invalid_request"],
        [{ within: 5 as never }, "invalid_request"],
        [{ cursor: 5 as never }, "invalid_request"],
      ];
      for (const [part, code] of wrong) await assert.rejects(database.lookupObjects({ ...objects, ...part }, call), refusal(code), JSON.stringify(part));
      await assert.rejects(database.lookupSubjects({ ...subjects, subjectType: "none" }, call), refusal("unknown_type"));
      await assert.rejects(database.lookupSubjects({ ...subjects, subjectRelation: "none" }, call), refusal("unknown_relation"));
      await assert.rejects(database.lookupPermissions({ object: parseObject("none:1"), subject: parseSubject("user:ana") }, call), refusal("unknown_type"));
      await assert.rejects(database.lookupPermissions({ object: parseObject("doc:1"), subject: parseSubject("user:*") }, call), refusal("invalid_request"));
    });
  });

  it("find subjects page by page, a wildcard first", async () => {
    await withDatabase(["doc:1#viewer@user:*", "doc:1#viewer@user:bo", "doc:1#viewer@user:cy[on]"], async (database) => {
      const seen: [string, boolean][] = [];
      let cursor: string | undefined;
      do {
        const page = await database.lookupSubjects({ ...subjects, pageSize: 1, ...(cursor === undefined ? {} : { cursor }) }, call);
        seen.push(...page.results.map(({ subject, allowed }): [string, boolean] => [subject.id, allowed]));
        cursor = page.cursor;
      } while (cursor !== undefined);
      assert.deepEqual(seen, [["*", true], ["bo", true], ["cy", true]]);
    });
  });

  it("count only when asked to", async () => {
    await withDatabase([...viewers, "doc:7#viewer@user:ana[on]"], async (database) => {
      const counted = await database.lookupObjects({ ...objects, countOnly: true }, call);
      assert.deepEqual([counted.count, counted.results], [{ allowed: 4, conditional: 1 }, []]);
      assert.equal((await database.lookupObjects(objects, call)).count, undefined);
    });
  });
});
