import assert from "node:assert/strict";
import { UsherError, type ErrorCode } from "../../src/base/errors.js";
import { Database } from "../../src/database/database.js";
import type { Call, ReadTuplesRequest } from "../../src/model/service.js";
import { formatTuple } from "../../src/model/tuple.js";
import { parseTuple } from "../../src/model/tuple-text.js";
import { inFolder } from "../support/folder.js";
import { HandClock } from "../watch/store.js";

const call: Call = {};
const schema = "use expiration; definition user {}; definition doc { relation viewer: user | user with expiration; permission view = viewer }";

async function withDatabase(body: (database: Database, clock: HandClock) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const clock = new HandClock();
    const database = await Database.open(folder, { time: clock });
    try {
      await database.writeSchema({ text: schema }, call);
      const operations = ["ana", "ben", "cyd", "dan"].map((id) => ({ kind: "create" as const, tuple: parseTuple(`doc:1#viewer@user:${id}`) }));
      await database.writeTuples({ operations }, call);
      await body(database, clock);
    } finally {
      await database.close();
    }
  });
}

async function subjects(database: Database, request: ReadTuplesRequest): Promise<string[]> {
  return (await database.readTuples(request, call)).tuples.map((tuple) => formatTuple(tuple));
}

function refusal(code: ErrorCode) {
  return (error: unknown) => error instanceof UsherError && error.code === code;
}

describe("reading tuples", () => {
  const filter = { objectType: "doc", objectId: "1" };

  it("pages over the snapshot of the first page, whatever is written meanwhile", async () => {
    await withDatabase(async (database) => {
      const first = await database.readTuples({ filter, pageSize: 2 }, call);
      assert.ok(first.cursor);
      await database.deleteTuples({ filters: [filter] }, call);
      await database.writeTuples({ operations: [{ kind: "create", tuple: parseTuple("doc:1#viewer@user:eve") }] }, call);
      const second = await database.readTuples({ filter, pageSize: 9, cursor: first.cursor }, call);
      assert.equal(second.zookie, first.zookie);
      assert.deepEqual(second.tuples.map((tuple) => formatTuple(tuple)), ["doc:1#viewer@user:cyd", "doc:1#viewer@user:dan"]);
      assert.equal(second.cursor, undefined);
    });
  });

  it("refuses a cursor with another filter, and one that was changed", async () => {
    await withDatabase(async (database) => {
      const { cursor = "" } = await database.readTuples({ filter, pageSize: 2 }, call);
      await assert.rejects(database.readTuples({ filter: { objectType: "doc" }, cursor }, call), refusal("invalid_cursor"));
      await assert.rejects(database.readTuples({ filter, cursor: `${cursor.slice(0, -4)}AAAA` }, call), refusal("invalid_cursor"));
      assert.equal((await subjects(database, { filter: { ...filter }, cursor })).length, 2);
    });
  });

  it("leaves out what has expired", async () => {
    await withDatabase(async (database, clock) => {
      const tuple = { ...parseTuple("doc:1#viewer@user:eve"), expiresAt: clock.ms + 1_000 };
      await database.writeTuples({ operations: [{ kind: "create", tuple }] }, call);
      const ofEve = { filter: { ...filter, subjectType: "user", subjectId: "eve" } };
      assert.equal((await subjects(database, ofEve)).length, 1);
      clock.ms += 1_000;
      assert.deepEqual(await subjects(database, ofEve), []);
    });
  });
});
