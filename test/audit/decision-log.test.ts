import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { appendFile, readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";

import { parseCheckpoint } from "../../src/audit/checkpoint.js";
import { hashValue } from "../../src/audit/payload.js";
import { leafHash, verifyConsistency, verifyInclusion } from "../../src/audit/tree/merkle.js";
import { limits } from "../../src/base/limits.js";
import type { TailEvent } from "../../src/model/audit.js";
import { inFolder } from "../support/folder.js";
import { allPages, allRecords, checkEntry, entryOf, hasCode, openLog } from "./logs.js";

const bytesOf = (hex: string) => Buffer.from(hex, "hex");

describe("the decision log", () => {
  it("gives back what was recorded, in order, after closing and opening again", () =>
    inFolder(async (folder) => {
      const entries = Array.from({ length: 700 }, (_, i) => checkEntry(i));
      const log = await openLog(folder);
      for (const entry of entries) assert.equal(log.record(entry, entry.answer === "allowed"), undefined);
      await log.close();
      const again = await openLog(folder, { mode: "block" });
      const records = await allRecords(again);
      assert.deepEqual(records.map(({ index }) => index), records.map((_, i) => i));
      assert.deepEqual(records.map(entryOf).filter(({ kind }) => kind === "check"), entries);
      for (const { hash, salt, payload } of records) assert.equal(leafHash(bytesOf(salt!), Buffer.from(payload!)).toString("hex"), hash);
      assert.deepEqual(records.map((record) => entryOf(record).kind).filter((kind) => kind !== "check"), ["start", "key", "stop", "start"]);
      const start = entryOf(records.at(-1)!);
      assert(start.kind === "start" && start.clean && start.mode === "block" && start.version === "1.2.3");
      assert.equal(start.lastAt, entryOf(records.at(-2)!).at);
      await again.close();
    }));

  it("lets grants wait in block mode until they can be read, and nothing else", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder, { mode: "block" });
      assert.equal(log.record(checkEntry(0), false), undefined);
      const waits = Array.from({ length: 50 }, (_, i) => log.record(checkEntry(3 * i + 1), true));
      await Promise.all(waits.map((wait) => (assert(wait instanceof Promise), wait)));
      assert.equal((await allRecords(log)).filter((record) => entryOf(record).kind === "check").length, 51);
      assert(log.status.batches < 20, "they share batches");
      await log.close();
    }));

  it("writes what is buffered by itself", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      const { size } = log.status;
      void log.record(checkEntry(1), true);
      for await (const event of log.tail({ filter: {}, follow: true }, undefined)) {
        assert(event.kind === "records");
        assert.equal(event.records[0]?.index, size);
        break;
      }
      await log.close();
    }));

  it("proves each record, and each size, by its checkpoints", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      const before = [];
      for (let i = 0; i < 600; i++) {
        void log.record(checkEntry(i), false);
        if (i % 150 !== 149) continue;
        await log.flush();
        before.push(parseCheckpoint((await log.checkpoint()).checkpoint));
      }
      const now = await log.checkpoint();
      const head = parseCheckpoint(now.checkpoint);
      for (const { size, root } of before) {
        const { consistency } = await log.checkpoint(size);
        assert(verifyConsistency(size, head.size, root, head.root, consistency.map(bytesOf)));
      }
      for (const index of [0, 1, 255, 256, 511, 601]) {
        const { record, path, checkpoint, key } = await log.prove({ index });
        const { size, root } = parseCheckpoint(checkpoint);
        assert.equal(key, now.key);
        assert(verifyInclusion(size, index, bytesOf(record.hash), path.map(bytesOf), root));
        assert(!verifyInclusion(size, index, bytesOf("00".repeat(32)), path.map(bytesOf), root));
      }
      await assert.rejects(log.prove({ index: head.size }), hasCode("record_unknown"));
      await assert.rejects(log.checkpoint(head.size + 1), hasCode("record_unknown"));
      await log.close();
    }));

  it("makes no second checkpoint of the same records, tells of each, and one at the end", () =>
    inFolder(async (folder) => {
      const told: string[] = [];
      const log = await openLog(folder, { onCheckpoint: (text) => void told.push(text) });
      const first = await log.checkpoint();
      assert.equal((await log.checkpoint()).checkpoint, first.checkpoint);
      await log.close();
      assert.equal(told.length, 2);
      assert.equal(await readFile(join(folder, "checkpoints"), "utf8"), told.map((text) => `${text}\n`).join(""));
    }));

  it("makes checkpoints by itself", () =>
    inFolder(async (folder) => {
      const told: string[] = [];
      const log = await openLog(folder, { checkpointMs: 5, onCheckpoint: (text) => void told.push(text) });
      while (told.length < 4) {
        void log.record(checkEntry(1), false);
        await log.flush();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await log.close();
      const sizes = told.map((text) => parseCheckpoint(text).size);
      assert(sizes.every((size, i) => i === 0 || size > sizes[i - 1]!), "none is made where nothing was added");
    }));

  it("records that the key is another, and signs with it from then on", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      const { key } = log.status;
      await log.close();
      assert.equal((await stat(join(folder, "signing-key.pem"))).mode & 0o777, 0o600);
      rmSync(join(folder, "signing-key.pem"));
      const again = await openLog(folder);
      const entry = (await allRecords(again)).map(entryOf).at(-1);
      assert(entry?.kind === "key" && entry.before === key && entry.key === again.status.key && entry.key !== key);
      assert.equal((await again.prove({ index: 0 })).key, entry.key);
      await again.close();
    }));

  it("is open once", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      await assert.rejects(openLog(folder), hasCode("store_in_use"));
      void log.record(checkEntry(1), false);
      await log.close();
      await (await openLog(folder)).close();
    }));

  it("takes nothing after its end", () =>
    inFolder(async (folder) => {
      const errors: Error[] = [];
      const log = await openLog(folder, { report: (error) => void errors.push(error) });
      await Promise.all([log.close(), log.close()]);
      assert.equal(log.record(checkEntry(1), false), undefined);
      assert.equal(errors.length, 1);
      await assert.rejects(log.record(checkEntry(1), true)!, hasCode("closed"));
    }));

  it("samples decisions that are no live ones, and says so in the log", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder, { oneIn: 4 });
      for (let i = 0; i < 2_000; i++) void log.record(checkEntry(i), false);
      void log.record({ kind: "lease_end", at: 1, stream: "s", holds: 2 }, false);
      await log.flush();
      const { recorded, sampledOut } = log.status;
      assert.equal(recorded + sampledOut, 2_001);
      assert(recorded > 300 && recorded < 700, `${recorded} of 2,000 are about one in four`);
      const kinds = (await allRecords(log)).map(entryOf);
      assert(kinds.some((entry) => entry.kind === "sampling" && entry.oneIn === 4));
      assert(kinds.some(({ kind }) => kind === "lease_end"));
      await log.close();
      const again = await openLog(folder);
      assert((await allRecords(again)).map(entryOf).some((entry) => entry.kind === "sampling" && entry.oneIn === 1));
      await again.close();
    }));

  it("hashes context fields with the record's salt", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder, { hashedFields: ["ip", "other"] });
      void log.record(checkEntry(0, { context: { ip: "10.0.0.7", hour: 9 } }), false);
      void log.record(checkEntry(1, { context: { hour: 9 } }), false);
      await log.flush();
      const [plain, hashed] = await allPages(log, { filter: { kinds: ["check"] } });
      assert.deepEqual((entryOf(plain!) as { context?: unknown }).context, { hour: 9 });
      const entry = entryOf(hashed!) as { context?: { ip?: unknown; hour?: unknown }; hashed?: unknown };
      assert.deepEqual(entry.hashed, ["ip"]);
      assert.deepEqual(entry.context, { ip: hashValue(bytesOf(hashed!.salt!), "10.0.0.7"), hour: 9 });
      assert(!hashed!.payload!.includes("10.0.0.7"));
      await log.close();
    }));

  it("cuts an entry that is too large, and says what", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      const results = Array.from({ length: 80_000 }, (_, i) => [`document:${"é".repeat(20)}${i}`, "allowed"] as const);
      const { answer: _, ...asked } = checkEntry(1);
      void log.record({ ...asked, kind: "lookup", found: "objects", object: "document", results }, true);
      await log.flush();
      assert.equal(log.status.cut, 1);
      const [record] = await allPages(log, { filter: { kinds: ["lookup"] } });
      assert(Buffer.byteLength(record!.payload!) <= limits.auditPayloadBytesMax);
      const entry = entryOf(record!) as unknown as { cut: string[]; results: unknown[] };
      assert.deepEqual(entry.cut, ["results"]);
      assert.deepEqual(entry.results, results.slice(0, entry.results.length));
      assert(Buffer.byteLength(record!.payload!) > limits.auditPayloadBytesMax - 200, "it is cut no shorter than it has to be");
      await log.close();
    }));

  it("takes an entry at the bound as it is", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      const text = (length: number) => ({ kind: "schema" as const, at: 1, zookie: "z", schema: "s", text: "x".repeat(length) });
      const room = limits.auditPayloadBytesMax - JSON.stringify(text(0)).length;
      void log.record(text(room), false);
      void log.record(text(room + 1), false);
      await log.flush();
      assert.equal(log.status.cut, 1);
      const [cut, whole] = await allPages(log, { filter: { kinds: ["schema"] } });
      assert.deepEqual(entryOf(whole!), text(room));
      assert.deepEqual((entryOf(cut!) as unknown as { cut: string[] }).cut, ["text"]);
      await log.close();
    }));

  it("refuses a cursor that is none, or another order's", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      for (let i = 0; i < 5; i++) void log.record(checkEntry(i), false);
      await log.flush();
      const { cursor } = await log.query({ filter: {}, pageSize: 2 }, undefined);
      await log.query({ filter: {}, cursor: cursor! }, undefined);
      await assert.rejects(log.query({ filter: {}, cursor: cursor!, oldestFirst: true }, undefined), hasCode("invalid_cursor"));
      for (const garbage of ["", "x", cursor!.slice(0, -1), Buffer.from("[1]").toString("base64url"), Buffer.from('["1","down","-1"]').toString("base64url")]) {
        await assert.rejects(log.query({ filter: {}, cursor: garbage }, undefined), hasCode("invalid_cursor"));
      }
      await log.close();
    }));

  it("shows a tenant its own records alone", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      for (let i = 0; i < 100; i++) void log.record(checkEntry(i, { tenant: i % 4 === 0 ? "acme" : "default" }), false);
      await log.flush();
      const own = await allPages(log, { filter: {}, pageSize: 7 }, "acme");
      assert.equal(own.length, 25);
      assert(own.every((record) => entryOf(record).tenant === "acme"));
      const [other] = await allPages(log, { filter: {} }, "default");
      await assert.rejects(log.records([other!.index], "acme"), hasCode("record_unknown"));
      await assert.rejects(log.prove({ index: other!.index }, "acme"), hasCode("record_unknown"));
      await assert.rejects(log.redact([own[0]!.index, other!.index], "asked", "acme", { at: 1 }), hasCode("record_unknown"));
      assert.equal((await log.records([own[0]!.index], "acme"))[0]?.payload, own[0]!.payload);
      assert.deepEqual(await allPages(log, { filter: {} }, "nobody"), []);
      await log.close();
    }));

  it("follows: nothing twice, nothing missed, and checkpoints behind their records", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      const stop = new AbortController();
      const events: TailEvent[] = [];
      const following = (async () => {
        for await (const event of log.tail({ filter: { subject: "user:3" }, fromIndex: 0, follow: true }, undefined, stop.signal)) events.push(event);
      })();
      for (let i = 0; i < 500; i++) {
        void log.record(checkEntry(i), false);
        if (i % 50 === 0) await log.flush();
      }
      await log.flush();
      const last = (await log.checkpoint()).checkpoint;
      while (!events.some((event) => event.kind === "checkpoint" && event.checkpoint === last)) await new Promise(setImmediate);
      stop.abort();
      await assert.rejects(following, hasCode("cancelled"));
      const records = events.flatMap((event) => (event.kind === "records" ? event.records : []));
      assert.deepEqual(records, await allPages(log, { filter: { subject: "user:3" }, oldestFirst: true, pageSize: 1_000 }));
      await log.close();
    }));

  it("has so many tails and no more, and ends them with the log", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      const tails = Array.from({ length: limits.auditTailsMax }, () => log.tail({ filter: {}, follow: true }, undefined));
      const waiting = tails.map((tail) => tail.next());
      await assert.rejects(log.tail({ filter: {}, follow: true }, undefined).next(), hasCode("overloaded"));
      const ended = Promise.allSettled(waiting);
      await log.close();
      assert((await ended).every(({ status }) => status === "rejected" || status === "fulfilled"));
      for (const tail of tails) await tail.next().catch((error: unknown) => assert(hasCode("closed")(error) || hasCode("audit_unavailable")(error)));
    }));
});

describe("redaction", () => {
  const secret = "subject-that-must-go-4711";

  it("erases payload, salt and index from the disk, keeps the hash and the proofs, and is recorded", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      for (let i = 0; i < 400; i++) void log.record(checkEntry(i, i % 40 === 7 ? { subject: `user:${secret}` } : {}), false);
      await log.flush();
      const found = await allPages(log, { filter: { subject: `user:${secret}` } });
      assert.equal(found.length, 10);
      const indexes = found.map(({ index }) => index);
      const before = await log.prove({ index: indexes[0]! });
      assert.equal(await log.redact(indexes, "asked by the person", undefined, { at: 5, principal: "dpo" }), 10);
      assert.equal(await log.redact(indexes, "again", undefined, { at: 6 }), 0);
      assert.deepEqual(await allPages(log, { filter: { subject: `user:${secret}` } }), []);
      for (const { index, hash } of found) assert.deepEqual(await log.records([index]), [{ index, hash }]);
      const { record, path, checkpoint } = await log.prove({ index: indexes[0]! });
      const { size, root } = parseCheckpoint(checkpoint);
      assert.equal(record.hash, before.record.hash);
      assert(verifyInclusion(size, record.index, bytesOf(record.hash), path.map(bytesOf), root));
      const entries = (await allPages(log, { filter: { kinds: ["redaction"] } })).map(entryOf);
      assert.deepEqual(entries, [{ kind: "redaction", at: 5, principal: "dpo", records: [...indexes].sort((a, b) => a - b), reason: "asked by the person" }]);
      const salts = found.map(({ salt }) => bytesOf(salt!));
      const held = () => {
        const files = readdirSync(join(folder, "level")).map((name) => readFileSync(join(folder, "level", name)));
        return files.some((bytes) => bytes.includes(secret) || salts.some((salt) => bytes.includes(salt)));
      };
      assert(!held(), "nothing of it is on the disk while the log is open");
      await log.close();
      assert(!held());
      const again = await openLog(folder);
      assert.equal(again.status.redacted, 10);
      assert.deepEqual(await allPages(again, { filter: { subject: `user:${secret}` } }), []);
      assert.equal((await allPages(again, { filter: {}, pageSize: 1_000 })).length, again.status.size);
      await again.close();
    }));

  it("takes all or nothing: what is unknown, or tells of the log itself, leaves the others", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      void log.record(checkEntry(1), false);
      await log.flush();
      const index = log.status.size - 1;
      await assert.rejects(log.redact([index, 99], "asked", undefined, { at: 1 }), hasCode("record_unknown"));
      await assert.rejects(log.redact([index, 0], "asked", undefined, { at: 1 }), hasCode("invalid_request"));
      assert.equal(log.status.redacted, 0);
      await log.close();
    }));

  it("takes as many as one call may have", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      for (let i = 0; i < limits.redactPerCallMax + 10; i++) void log.record(checkEntry(i), false);
      await log.flush();
      const indexes = Array.from({ length: limits.redactPerCallMax }, (_, i) => i + 5);
      assert.equal(await log.redact(indexes, "asked", undefined, { at: 1 }), limits.redactPerCallMax);
      await assert.rejects(log.redact([...indexes, 5_000], "asked", undefined, { at: 1 }));
      const told = (await allPages(log, { filter: { kinds: ["redaction"] } })).map(entryOf);
      assert(told.every((entry) => entry.kind === "redaction" && entry.records.length <= limits.redactTogetherMax));
      assert.equal(told.length, Math.ceil(limits.redactPerCallMax / limits.redactTogetherMax));
      assert.equal((await allPages(log, { filter: { kinds: ["check"] } })).length, 10);
      await log.close();
    }));
});

describe("retention", () => {
  it("deletes by age whole groups, and proves the rest", () =>
    inFolder(async (folder) => {
      let now = 0;
      const log = await openLog(folder, { clock: { now: () => now }, retention: { ageMs: 9_000 } });
      for (let at = 0; at < 2_000; at++) void log.record(checkEntry(at, { at }), false);
      await log.flush();
      now = 10_000;
      await log.checkpoint();
      await log.retain();
      const { kept, size } = log.status;
      // Records 2 to 1,001 are of before 1,000.
      assert.equal(kept, 768);
      await log.retain();
      assert.equal(log.status.size, size, "what is done is not done again");
      await assert.rejects(log.records([kept - 1]), hasCode("record_unknown"));
      await assert.rejects(log.prove({ index: 0 }), hasCode("record_unknown"));
      await assert.rejects(log.tail({ filter: {}, fromIndex: 0 }, undefined).next(), hasCode("record_unknown"));
      for (const index of [kept, kept + 1, 1_500, 2_001]) {
        const { record, path, checkpoint } = await log.prove({ index });
        const head = parseCheckpoint(checkpoint);
        assert(verifyInclusion(head.size, index, bytesOf(record.hash), path.map(bytesOf), head.root));
      }
      const left = await allPages(log, { filter: {}, pageSize: 1_000 });
      assert.deepEqual([left.at(-1)?.index, left.length], [kept, log.status.size - kept]);
      assert(left.some((record) => record.payload?.includes('"retention"')));
      await log.close();
      const again = await openLog(folder);
      assert.equal(again.status.kept, kept);
      const gone = await allPages(again, { filter: { kinds: ["check"] }, pageSize: 1_000 });
      assert.equal(gone.length, 2_002 - kept);
      await again.close();
    }));

  it("is told to whoever reads what it deletes before he has come there", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder, { retention: { bytes: 1 } });
      for (let i = 0; i < 3_000; i++) void log.record(checkEntry(i), false);
      await log.flush();
      const [slow, over] = [log.tail({ filter: {}, fromIndex: 0 }, undefined), log.tail({ filter: { object: "document:2" }, fromIndex: 2_900, follow: true }, undefined)];
      const first = await slow.next();
      assert(first.done === false && first.value.kind === "records" && first.value.records.length === limits.auditPageRecordsMax);
      await log.retain();
      await assert.rejects(slow.next(), hasCode("record_unknown"));
      void log.record(checkEntry(2), false);
      assert.equal((await over.next()).value?.kind, "records", "of what he waits for nothing is gone");
      await over.return();
      await log.close();
    }));

  it("deletes by size, and never the newest group", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder, { retention: { bytes: 1 } });
      for (let i = 0; i < 1_000; i++) void log.record(checkEntry(i), false);
      await log.flush();
      await log.retain();
      assert.equal(log.status.kept, 768);
      assert(log.status.bytes > 0);
      const reasons = (await allPages(log, { filter: { kinds: ["retention"] } })).map(entryOf);
      assert.deepEqual(reasons.map((entry) => entry.kind === "retention" && [entry.below, entry.reason]), [[768, "size"]]);
      await log.close();
      await (await openLog(folder)).close();
    }));
});

describe("a damaged decision log", () => {
  const written = async (folder: string) => {
    const log = await openLog(folder);
    for (let i = 0; i < 300; i++) void log.record(checkEntry(i), false);
    await log.close();
  };

  it("is not taken for a new one where its records are gone", () =>
    inFolder(async (folder) => {
      await written(folder);
      rmSync(join(folder, "level"), { recursive: true });
      await assert.rejects(openLog(folder), hasCode("store_corrupt"));
    }));

  it("is named where records behind its last checkpoint are missing", () =>
    inFolder((folder) =>
      inFolder(async (other) => {
        await written(folder);
        await written(other);
        // Another log's checkpoint, of as many records.
        await appendFile(join(folder, "checkpoints"), await readFile(join(other, "checkpoints")));
        await assert.rejects(openLog(folder), hasCode("store_corrupt"));
      }),
    ));

  it("goes on where the last checkpoint was cut short by a crash, and not where one is no more to be read", () =>
    inFolder(async (folder) => {
      await written(folder);
      const file = join(folder, "checkpoints");
      const { size } = await stat(file);
      await truncate(file, size - 20);
      const log = await openLog(folder);
      await log.close();
      const text = await readFile(file, "utf8");
      assert.equal(text.split("\n\n").length % 2, 1, "each note is whole again");
      await appendFile(file, "example.com/usher\nmany\n\n— example.com/usher AAAA\n\n");
      await assert.rejects(openLog(folder), hasCode("store_corrupt"));
    }));

  it("is named where its file is damaged", () =>
    inFolder(async (folder) => {
      await written(folder);
      const level = join(folder, "level");
      const newest = readdirSync(level).filter((name) => name.endsWith(".log")).sort().at(-1)!;
      await truncate(join(level, newest), Math.floor((await stat(join(level, newest))).size / 2));
      await assert.rejects(openLog(folder), hasCode("store_corrupt"));
    }));
});
