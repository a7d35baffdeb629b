import assert from "node:assert/strict";
import { appendFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import fc from "fast-check";

import { parseCheckpoint, signCheckpoint } from "../../../src/audit/checkpoint.js";
import { hashOf } from "../../../src/audit/log/block.js";
import { decodeHead, encodeHead } from "../../../src/audit/log/head.js";
import { blockKey, groupKey, headKey, tileKey } from "../../../src/audit/log/keys.js";
import { seal } from "../../../src/audit/log/seal.js";
import { openSigningKey } from "../../../src/audit/signing-key.js";
import { emptyRoot } from "../../../src/audit/tree/merkle.js";
import { verifyFolder } from "../../../src/audit/verify/verify-folder.js";
import type { AuditEntry } from "../../../src/model/audit.js";
import { inFolder } from "../../support/folder.js";
import { changeBlock, changeRecord, checkOf, copyOf, openLog, record, withRows, words } from "./fixture.js";

/** A log of some hundred records: `start`, `key`, decisions, `stop`. */
const decisions = 700;
const size = decisions + 3;

/** Makes the log once, and hands a copy of it to each test. */
function withLog(body: (folder: string, key: string) => Promise<void>): () => Promise<void> {
  return () => inFolder((folder) => made.then(async ({ folder: whole, key }) => body(await copyOf(whole, `${folder.split("/").at(-1)!}/log`), key)));
}

let made: Promise<{ folder: string; key: string }>;
let end: () => void;

async function make(folder: string): Promise<{ folder: string; key: string }> {
  const log = await openLog(join(folder, "log"));
  const { key } = log.status;
  await record(log, decisions);
  await log.close();
  return { folder: join(folder, "log"), key };
}

describe("verifying a folder", () => {
  before(() => {
    made = new Promise((resolve, reject) => {
      void inFolder(async (folder) => {
        resolve(await make(folder));
        await new Promise<void>((done) => (end = done));
      }).catch(reject);
    });
    return made;
  });
  after(() => end());

  it("finds nothing wrong with a log that is sound, and says what it is", withLog(async (folder, key) => {
    const found = await verifyFolder(folder, { key });
    const { root, ...facts } = found;
    assert.match(root!, /^[0-9a-f]{64}$/);
    assert.deepEqual(facts, {
      origin: "example.com/usher", size, findings: [], findingsCount: 0, checkpoints: 6, checkpointsExpired: 0, checkpointsCut: false, signedSize: size, trustedSize: size,
      keys: [{ key, from: 0 }], redacted: 0, expired: 0, partial: false, gaps: [],
    });
  }));

  it("finds the record that was changed, with all checksums made right", withLog(async (folder) => {
    await changeRecord(folder, 11);
    await changeRecord(folder, 255);
    await changeRecord(folder, 256);
    assert.deepEqual(words(await verifyFolder(folder)), ["changed 11", "changed 255", "changed 256"]);
  }));

  it("finds by the checkpoint what was changed where the tree has no tile yet", withLog(async (folder) => {
    await changeRecord(folder, 600);
    assert.deepEqual(words(await verifyFolder(folder)), ["changed"]);
  }));

  it("finds behind the last checkpoint what was changed by the root that the log has", withLog(async (folder) => {
    const file = join(folder, "checkpoints");
    await writeFile(file, (await readFile(file, "utf8")).split(/(?<=\n\n)(?!—)/).slice(0, 2).join(""));
    await changeRecord(folder, 600);
    const found = await verifyFolder(folder);
    assert.deepEqual([words(found), found.signedSize < 600], [["changed"], true]);
  }));

  it("finds records that changed places", withLog(async (folder) => {
    await changeBlock(folder, 3, (block, records, first) => {
      [records[3 - first], records[20 - first]] = [records[20 - first]!, records[3 - first]!];
      for (const each of records) block.copy(each);
    });
    assert.deepEqual(words(await verifyFolder(folder)), ["reordered 3", "reordered 20"]);
  }));

  it("finds what is missing: a block, a group, a tile, the head", withLog(async (folder) => {
    for (const [key, word] of [[blockKey(256), "missing 256"], [groupKey(1), "missing 256"], [tileKey(0, 1), "missing 256"], [tileKey(1, 0), "missing 0"], [headKey, "missing"]] as const) {
      const copy = await copyOf(folder, `without-${key.toString("hex")}`);
      await withRows(copy, (rows) => rows.del(key));
      assert.ok(words(await verifyFolder(copy)).includes(word), key.toString("hex"));
    }
  }));

  it("finds no more than what is missing, and all that is wrong besides", withLog(async (folder) => {
    await changeRecord(folder, 5);
    await withRows(folder, async (rows) => {
      for await (const key of rows.keys({ gte: blockKey(152), lt: blockKey(300) })) await rows.del(key);
    });
    const found = words(await verifyFolder(folder));
    assert.deepEqual(found, ["missing 152", "changed 5"]);
  }));

  it("takes a checkpoint of no records for a beginning of any log", withLog(async (folder, key) => {
    await inFolder(async (other) => {
      const signing = await openSigningKey(join(other, "key"));
      const empty = parseCheckpoint(signCheckpoint({ origin: "example.com/usher", size: 0, root: emptyRoot, at: 0 }, signing));
      assert.deepEqual(words(await verifyFolder(folder, { checkpoint: empty, key })), ["wrong_key"]);
      assert.deepEqual(words(await verifyFolder(folder, { checkpoint: { ...empty, root: Buffer.alloc(32) }, key })), ["forked", "wrong_key"]);
    });
  }));

  it("finds a log that was cut, whole rows and all, by its checkpoints", withLog(async (folder) => {
    await withRows(folder, async (rows) => {
      const head = decodeHead((await rows.get(headKey))!.subarray(4));
      const { size, root } = parseCheckpoint((await readFile(join(folder, "checkpoints"), "utf8")).split(/(?<=\n)\n(?!—)/)[1]!);
      assert.equal(size, 152);
      await rows.put(headKey, seal(headKey, encodeHead({ ...head, size, root: Buffer.from(root).toString("hex") })));
      await rows.clear({ gte: blockKey(size), lt: Buffer.from("c") });
      for (const start of ["f", "g", "i", "s", "t"]) await rows.clear({ gte: Buffer.from(start), lt: Buffer.from([start.charCodeAt(0) + 1]) });
    });
    await changeBlock(folder, 149, (block, records, first) => {
      for (const each of records.slice(0, 152 - first)) block.copy(each);
    });
    const found = words(await verifyFolder(folder));
    assert.deepEqual(new Set(found), new Set(["truncated"]));
    assert.equal(found.length, 4);
  }));

  it("finds a fork by the checkpoint that somebody kept", () =>
    inFolder(async (folder) => {
      const one = join(folder, "one");
      const first = await openLog(one);
      await record(first, 300);
      await first.close();
      const before = await copyOf(one, "before");
      const texts: string[] = [];
      for (const [path, count] of [[one, 50], [before, 80]] as const) {
        const log = await openLog(path);
        await record(log, count);
        texts.push((await log.checkpoint()).checkpoint);
        await log.close();
      }
      const [ofOne, ofOther] = texts.map(parseCheckpoint) as [ReturnType<typeof parseCheckpoint>, ReturnType<typeof parseCheckpoint>];
      assert.deepEqual(words(await verifyFolder(one, { checkpoint: ofOne })), []);
      assert.deepEqual(words(await verifyFolder(before, { checkpoint: ofOther })), []);
      assert.deepEqual(words(await verifyFolder(before, { checkpoint: ofOne })), ["forked"]);
      assert.deepEqual(words(await verifyFolder(one, { checkpoint: ofOther })), ["truncated"]);
    }));

  it("follows a key that was replaced, and takes no other", () =>
    inFolder(async (folder) => {
      const path = join(folder, "log");
      const keys: string[] = [];
      for (const file of ["a.pem", "b.pem"]) {
        const log = await openLog(path, { signingKeyFile: join(folder, file) });
        keys.push(log.status.key);
        await record(log, 200);
        await log.close();
      }
      const [a, b] = keys as [string, string];
      const found = await verifyFolder(path, { key: a });
      assert.deepEqual(words(found), []);
      assert.deepEqual(found.keys, [{ key: a, from: 0 }, { key: b, from: 204 }]);
      assert.equal(found.trustedSize, 203);
      assert.equal((await verifyFolder(path, { key: b })).trustedSize, found.size);
      const other = await openLog(join(folder, "other"));
      const stranger = other.status.key;
      await other.close();
      assert.deepEqual(words(await verifyFolder(path, { key: stranger })), ["wrong_key"]);
    }));

  it("finds checkpoints that the key in force has not signed", () =>
    inFolder(async (folder) => {
      const [path, other] = [join(folder, "log"), join(folder, "other")];
      for (const each of [path, other]) {
        const log = await openLog(each);
        await record(log, 200);
        await log.close();
      }
      await writeFile(join(path, "checkpoints"), (await readFile(join(other, "checkpoints"), "utf8")));
      assert.ok(words(await verifyFolder(path)).includes("wrong_key"));
    }));

  it("counts what was redacted and what has expired, and verifies what is left", () =>
    inFolder(async (folder) => {
      const path = join(folder, "log");
      const log = await openLog(path, { retention: { bytes: 60_000 } });
      const { key } = log.status;
      await record(log, 1_200);
      await log.retain();
      const { kept } = log.status;
      assert.ok(kept > 0);
      assert.equal(await log.redact([kept + 3, kept + 4], "asked for", undefined, { at: 1 }), 2);
      await log.close();
      const found = await verifyFolder(path, { key });
      assert.deepEqual(words(found), []);
      assert.deepEqual([found.redacted, found.expired], [2, kept]);
      assert.ok(found.checkpointsExpired > 0);
    }));

  it("does not take an erasure for a redaction, nor a gap for retention", withLog(async (folder) => {
    const other = await copyOf(folder, "other");
    await changeBlock(folder, 7, (block, records, first) => {
      records.forEach((each, i) => (first + i === 7 ? block.redact(hashOf(each)) : block.copy(each)));
    });
    assert.deepEqual(words(await verifyFolder(folder)), ["missing 7"]);
    await withRows(other, async (rows) => {
      const head = decodeHead((await rows.get(headKey))!.subarray(4));
      await rows.put(headKey, seal(headKey, encodeHead({ ...head, kept: 256 })));
      await rows.clear({ gte: blockKey(0), lt: blockKey(256) });
    });
    assert.deepEqual(words(await verifyFolder(other)), ["missing 0"]);
  }));

  it("tells of processes that did not close it", withLog(async (folder) => {
    const log = await openLog(folder);
    await record(log, 3);
    const copy = await copyOf(folder, "crashed");
    await log.close();
    await (await openLog(copy)).close();
    const { gaps, findings } = await verifyFolder(copy);
    assert.deepEqual(findings, []);
    assert.equal(gaps.length, 1);
    assert.ok(gaps[0]!.from! < gaps[0]!.to);
  }));

  it("finds any byte that was changed in any row, and any row that was removed", withLog(async (folder) => {
    const keys: Buffer[] = [];
    await withRows(folder, async (rows) => {
      for await (const key of rows.keys()) keys.push(key);
    });
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(keys.length - 1), fc.nat(), fc.integer({ min: 0, max: 255 }), async (which, at, mask) => {
        const key = keys[which]!;
        const copy = await copyOf(folder, `copy-${number++}`);
        await withRows(copy, async (rows) => {
          const value = (await rows.get(key))!;
          value[at % value.length]! ^= mask;
          if (mask === 0) await rows.del(key);
          else await rows.put(key, value);
        });
        const found = words(await verifyFolder(copy));
        await rm(copy, { recursive: true });
        assert.ok(found.length > 0, `${key.toString("hex")} ${mask}`);
        if (mask !== 0) assert.ok(found.some((word) => word.startsWith("changed")), `${key.toString("hex")}: ${found.join()}`);
      }),
      { numRuns: 60 },
    );
  }));

  it("finds any byte that was changed in the checkpoints, and knows a tail that a crash cut", withLog(async (folder, key) => {
    const file = join(folder, "checkpoints");
    const bytes = await readFile(file);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 3), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const changed = Buffer.from(bytes);
        changed[at]! ^= mask;
        await writeFile(file, changed);
        const { findingsCount, checkpointsCut } = await verifyFolder(folder, { key });
        assert.ok(findingsCount > 0 || checkpointsCut);
      }),
      { numRuns: 100 },
    );
    await writeFile(file, bytes.subarray(0, -30));
    const cut = await verifyFolder(folder, { key });
    assert.deepEqual([cut.findingsCount, cut.checkpointsCut, cut.checkpoints], [0, true, 5]);
    await writeFile(file, bytes);
    await appendFile(file, bytes);
    assert.ok(words(await verifyFolder(folder)).includes("reordered"));
  }));

  it("is not thrown by what whoever wrote the log may have written", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      const hostile = [{ kind: "key", at: 1, key: 5 }, { kind: "key", at: 1, key: "none" }, { kind: "redaction", at: 1, records: 7, reason: "" }, { kind: "retention", at: 1, below: "all" }, { kind: "start", at: "now" }];
      for (const entry of hostile) void log.record(entry as unknown as AuditEntry, false);
      void log.record({ ...checkOf(1), context: { kind: "key", key: "none" } } as AuditEntry, false);
      await log.close();
      const found = await verifyFolder(folder);
      // The second time it is the head, which names the key of the last such record.
      assert.deepEqual([words(found), found.gaps], [["wrong_key 3", "wrong_key"], []]);
    }));

  it("knows what LevelDB cannot read, and takes none of it for another log", withLog(async (folder) => {
    const { root } = await verifyFolder(folder);
    const files = (await readdir(join(folder, "level"))).filter((name) => /\.ldb$|\.log$|^MANIFEST/.test(name)).sort();
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (which, at, mask) => {
        const copy = await copyOf(folder, `copy-${number++}`);
        const file = join(copy, "level", files[which % files.length]!);
        const bytes = await readFile(file);
        if (bytes.length > 0) bytes[at % bytes.length]! ^= mask;
        await writeFile(file, bytes);
        const found = await verifyFolder(copy).catch((error: unknown) => {
          assert.equal((error as { code?: string }).code, "store_corrupt", String(error));
          return undefined;
        });
        assert.ok(found === undefined || found.findingsCount > 0 || found.root === root);
        await rm(copy, { recursive: true });
      }),
      { numRuns: Number(process.env.TEST_FUZZ_RUNS ?? 60) },
    );
  }));

  it("is refused while a server has it open, and where there is none", () =>
    inFolder(async (folder) => {
      const log = await openLog(join(folder, "log"));
      await assert.rejects(verifyFolder(join(folder, "log")), { code: "store_in_use" });
      await log.close();
      await assert.rejects(verifyFolder(folder), { code: "not_a_store" });
    }));
});
