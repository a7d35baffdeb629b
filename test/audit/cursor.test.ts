import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";

import { AuditCursors, type AuditQuery } from "../../src/audit/cursor.js";
import { openSigningKey, type SigningKey } from "../../src/audit/signing-key.js";
import { limits } from "../../src/base/limits.js";
import { inFolder } from "../support/folder.js";
import { checkEntry, hasCode, openLog, origin } from "./logs.js";

const query: AuditQuery = { tenant: "acme", reader: "auditor", filter: { subject: "user:ana", kinds: ["check", "hold"] }, oldestFirst: false };
const position = { next: 8_191, begun: 1_800_000_000_000 };

async function withKeys(body: (key: SigningKey, other: SigningKey) => void): Promise<void> {
  await inFolder(async (folder) => body(await openSigningKey(join(folder, "a.pem")), await openSigningKey(join(folder, "b.pem"))));
}

function fieldsOf(cursor: string): string[] {
  return JSON.parse(Buffer.from(cursor, "base64url").toString()) as string[];
}

function tokenOf(fields: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(fields)).toString("base64url");
}

describe("a cursor of the decision log", () => {
  it("goes on with the query that it was given for, however that is written", () =>
    withKeys((key) => {
      const cursors = new AuditCursors(origin, key);
      const cursor = cursors.encode(position, query);
      assert.deepEqual(cursors.decode(cursor, query, position.begun), position);
      assert.deepEqual(cursors.decode(cursor, { ...query, filter: { kinds: ["hold", "check"], subject: "user:ana" } }, position.begun), position);
      assert.deepEqual(new AuditCursors(origin, key).decode(cursor, query, position.begun), position, "another process has the same key");
    }));

  it("is refused with any other: of another filter, tenant, reader or direction", () =>
    withKeys((key) => {
      const cursors = new AuditCursors(origin, key);
      const cursor = cursors.encode(position, query);
      const others: Partial<AuditQuery>[] = [
        { filter: {} }, { filter: { ...query.filter, answer: "denied" } }, { filter: { ...query.filter, kinds: ["check"] } }, { filter: { ...query.filter, subject: "user:bo" } },
        { filter: { ...query.filter, from: 0 } }, { tenant: undefined }, { tenant: "default" }, { reader: "" }, { reader: "intern" }, { oldestFirst: true },
      ];
      for (const other of others) {
        assert.throws(() => cursors.decode(cursor, { ...query, ...other }, position.begun), (error) => hasCode("invalid_cursor")(error) && /is of another query: pass the request/.test(String(error)), JSON.stringify(other));
      }
    }));

  it("is refused where it was forged: whoever knows all of it but the key cannot move it, renew it, or make one", () =>
    withKeys((key, other) => {
      const cursors = new AuditCursors(origin, key);
      const fields = fieldsOf(cursors.encode(position, query));
      const forged = [
        fields.with(0, "9000"), fields.with(0, "-1"), fields.with(1, String(position.begun + 1)), fields.with(2, "x".repeat(22)), fields.with(3, ""), fields.with(3, "A".repeat(86)),
        fields.slice(0, 3), [...fields, ""], [8_191, ...fields.slice(1)], fieldsOf(new AuditCursors(origin, other).encode(position, query)),
        fieldsOf(new AuditCursors("example.com/other", key).encode(position, query)), fieldsOf(cursors.encode(position, { ...query, tenant: undefined })).with(2, fields[2]!),
      ];
      for (const each of forged) assert.throws(() => cursors.decode(tokenOf(each), query, position.begun), hasCode("invalid_cursor"), JSON.stringify(each));
      for (const garbage of ["", "x", "[]", tokenOf([]), Buffer.from('["1","down","8191"]').toString("base64url")]) {
        assert.throws(() => cursors.decode(garbage, query, position.begun), hasCode("invalid_cursor"), garbage);
      }
    }));

  it("is refused where it is cut anywhere", () =>
    withKeys((key) => {
      const cursors = new AuditCursors(origin, key);
      const cursor = cursors.encode(position, query);
      for (let length = 0; length < cursor.length; length++) assert.throws(() => cursors.decode(cursor.slice(0, length), query, position.begun), hasCode("invalid_cursor"), String(length));
    }));

  it("lasts as long as it may and no longer, from the first page on", () =>
    withKeys((key) => {
      const cursors = new AuditCursors(origin, key);
      const cursor = cursors.encode(position, query);
      assert.deepEqual(cursors.decode(cursor, query, position.begun + limits.auditCursorMsMax), position);
      assert.throws(() => cursors.decode(cursor, query, position.begun + limits.auditCursorMsMax + 1), hasCode("cursor_expired"));
    }));
});

describe("pages of the decision log", () => {
  it("go on after a restart, and not once the key is another", () =>
    inFolder(async (folder) => {
      const page = { filter: { kinds: ["check" as const] }, pageSize: 2 };
      const first = await openLog(folder);
      for (let i = 0; i < 5; i++) void first.record(checkEntry(i), false);
      await first.flush();
      const { records, cursor } = await first.query(page, undefined);
      await first.close();
      const second = await openLog(folder);
      const next = await second.query({ ...page, cursor: cursor! }, undefined);
      assert.deepEqual([...records, ...next.records].map(({ index }) => index), [6, 5, 4, 3]);
      await second.close();
      rmSync(join(folder, "signing-key.pem"));
      const third = await openLog(folder);
      await assert.rejects(third.query({ ...page, cursor: cursor! }, undefined), (error) => hasCode("invalid_cursor")(error) && /its key is another by now/.test(String(error)));
      await third.close();
    }));

  it("count their day from the first one", () =>
    inFolder(async (folder) => {
      let now = 1_800_000_000_000;
      const log = await openLog(folder, { clock: { now: () => now } });
      for (let i = 0; i < 5; i++) void log.record(checkEntry(i), false);
      await log.flush();
      const page = { filter: {}, pageSize: 1, oldestFirst: true };
      let { cursor } = await log.query(page, undefined);
      now += limits.auditCursorMsMax;
      ({ cursor } = await log.query({ ...page, cursor: cursor! }, undefined));
      now++;
      await assert.rejects(log.query({ ...page, cursor: cursor! }, undefined), hasCode("cursor_expired"));
      await log.close();
    }));
});
