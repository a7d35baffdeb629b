import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import fc from "fast-check";

import { parseCheckpoint } from "../../../src/audit/checkpoint.js";
import { exportRecordLine, type ExportedRecord } from "../../../src/audit/verify/export-format.js";
import { readLines } from "../../../src/audit/verify/lines.js";
import type { AuditVerification, VerifyOptions } from "../../../src/audit/verify/verification.js";
import { verifyExport } from "../../../src/audit/verify/verify-export.js";
import { limits } from "../../../src/base/limits.js";
import { inFolder } from "../../support/folder.js";
import { exportLines, openLog, record, words } from "./fixture.js";

const decisions = 300;

function verifyLines(lines: readonly string[], options?: VerifyOptions): Promise<AuditVerification> {
  return inFolder(async (folder) => {
    const file = join(folder, "export");
    await writeFile(file, lines.join(""));
    return verifyExport(file, options);
  });
}

function changed(line: string, change: (record: Record<string, unknown>) => void): string {
  const value = JSON.parse(line) as Record<string, unknown>;
  change(value);
  return `${JSON.stringify(value)}\n`;
}

/** Where in the lines the record is. */
function at(index: number): number {
  return index + 1;
}

describe("verifying an export", () => {
  let all: string[];
  let chosen: string[];
  let early: string;
  let key: string;
  let size: number;
  const indexes = [5, 6, 100, 255, 256, 301];

  before(() =>
    inFolder(async (folder) => {
      const log = await openLog(folder);
      ({ key } = log.status);
      await record(log, 100);
      early = (await log.checkpoint()).checkpoint;
      await record(log, decisions - 100);
      assert.equal(await log.redact([42], "asked for", undefined, { at: 1 }), 1);
      all = await exportLines(log);
      chosen = await exportLines(log, indexes);
      ({ size } = log.status);
      await log.close();
    }));

  it("finds nothing wrong with one that is sound, and says what it is", async () => {
    const found = await verifyLines(all, { key, checkpoint: parseCheckpoint(early) });
    assert.deepEqual(words(found), []);
    assert.deepEqual([found.size, found.redacted, found.expired, found.checkpoints, found.signedSize, found.trustedSize], [size, 1, 0, 1, size, size]);
    assert.deepEqual(found.keys, [{ key, from: 0 }]);
  });

  it("finds what was changed, and where", async () => {
    const change = (index: number, by: (record: Record<string, unknown>) => void) => all.map((line, i) => (i === at(index) ? changed(line, by) : line));
    assert.deepEqual(words(await verifyLines(change(9, (each) => (each["payload"] = `${String(each["payload"])} `)))), ["changed 9"]);
    assert.deepEqual(words(await verifyLines(change(9, (each) => (each["salt"] = "0".repeat(32))))), ["changed 9"]);
    // With the hash made right it is the checkpoint that tells.
    const other = JSON.parse(all[at(10)]!) as ExportedRecord;
    const replaced = change(9, (each) => Object.assign(each, { ...other, index: 9 }));
    assert.deepEqual(words(await verifyLines(replaced)), ["changed"]);
    assert.deepEqual(words(await verifyLines(change(9, (each) => (each["more"] = 1)))), ["changed"]);
  });

  it("finds what is missing, also a redaction that nobody recorded", async () => {
    assert.deepEqual(words(await verifyLines(all.toSpliced(at(9), 1))), ["missing 9"]);
    assert.deepEqual(words(await verifyLines(all.toSpliced(at(0), 3))), ["missing 0"]);
    const erased = all.map((line, i) => (i === at(9) ? changed(line, (each) => (delete each["payload"], delete each["salt"])) : line));
    assert.deepEqual(words(await verifyLines(erased)), ["missing 9"]);
  });

  it("finds what changed places: lines, and what they hold", async () => {
    const swapped = all.with(at(9), all[at(20)]!).with(at(20), all[at(9)]!);
    const found = await verifyLines(swapped);
    assert.ok(words(found).every((word) => word.startsWith("reordered")), words(found).join());
    assert.ok(found.findingsCount > 0);
    assert.deepEqual(words(await verifyLines(all.toSpliced(at(9), 0, all[at(9)]!))), ["reordered 9"]);
    const [nine, twenty] = [at(9), at(20)].map((i) => JSON.parse(all[i]!) as ExportedRecord) as [ExportedRecord, ExportedRecord];
    const holds = all.with(at(9), exportRecordLine({ ...twenty, index: 9, hash: nine.hash })).with(at(20), exportRecordLine({ ...nine, index: 20, hash: twenty.hash }));
    assert.deepEqual(words(await verifyLines(holds)), ["reordered 9", "reordered 20"]);
  });

  it("finds where it was cut", async () => {
    for (const cut of [all.slice(0, -1), all.slice(0, 50), all.slice(0, 1), [...all.slice(0, 50), all[50]!.slice(0, 10)]]) {
      assert.ok(words(await verifyLines(cut)).includes("truncated"));
    }
    // The record that tells of the redaction went with the others.
    assert.deepEqual(words(await verifyLines([...all.slice(0, -5), all.at(-1)!])), [`truncated ${size - 4}`, "missing 42"]);
    assert.deepEqual(words(await verifyLines([...all, all[at(3)]!])), ["changed"]);
  });

  it("finds a fork, and a log that is shorter than it once was", async () => {
    const [other, longer] = await inFolder(async (folder) => {
      const log = await openLog(folder);
      await record(log, 100);
      const { checkpoint } = await log.checkpoint();
      await record(log, 600);
      const texts = [checkpoint, (await log.checkpoint()).checkpoint];
      await log.close();
      return texts.map(parseCheckpoint);
    });
    assert.deepEqual(words(await verifyLines(all, { checkpoint: other! })), ["forked", "wrong_key"]);
    assert.deepEqual(words(await verifyLines(all, { checkpoint: longer! })), ["truncated", "wrong_key"]);
    assert.deepEqual(words(await verifyLines(all, { key: Buffer.alloc(32, 3).toString("base64") })), ["wrong_key"]);
  });

  it("begins behind retention with a path", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder, { retention: { bytes: 60_000 } });
      await record(log, 1_200);
      await log.retain();
      const { kept } = log.status;
      const lines = await exportLines(log);
      await log.close();
      const found = await verifyLines(lines);
      assert.deepEqual([words(found), found.expired, found.partial], [[], kept, false]);
      const flipped = changed(lines[1]!, (each) => ((each["path"] as string[])[3] = "0".repeat(64)));
      assert.ok((await verifyLines(lines.with(1, flipped))).findingsCount > 0);
      assert.ok(words(await verifyLines(lines.with(1, changed(lines[1]!, (each) => delete each["path"])))).includes("missing 0"));
    }));

  it("may begin with any record that has a path, and then says nothing of those before", async () => {
    const path = (JSON.parse(chosen[3]!) as ExportedRecord).path;
    const later = [all[0]!, changed(all[at(100)]!, (each) => (each["path"] = path)), ...all.slice(at(101))];
    const found = await verifyLines(later);
    assert.deepEqual([words(found), found.expired, found.partial, found.size], [[], 0, true, size]);
    assert.deepEqual(words(await verifyLines(later.toSpliced(5, 1))), ["missing 104"]);
  });

  it("proves each record of a filtered one by its path, and nothing of the others", async () => {
    const found = await verifyLines(chosen, { key });
    assert.deepEqual([words(found), found.partial, found.size, found.checkpoints, found.trustedSize], [[], true, size, 1, size]);
    assert.deepEqual(words(await verifyLines(chosen.toSpliced(2, 1))), []);
    assert.deepEqual(words(await verifyLines(chosen.with(2, changed(chosen[2]!, (each) => delete each["path"])))), ["missing 6"]);
    assert.deepEqual(words(await verifyLines(chosen.with(2, changed(chosen[2]!, (each) => (each["payload"] = "{}"))))), ["changed 6"]);
    assert.deepEqual(words(await verifyLines(chosen.with(2, changed(chosen[2]!, (each) => (each["index"] = 7))))), ["changed 7"]);
    assert.deepEqual(words(await verifyLines(chosen.with(1, chosen[2]!).with(2, chosen[1]!))), ["reordered 5"]);
    assert.deepEqual(words(await verifyLines(chosen.slice(0, -1))), ["truncated"]);
    assert.deepEqual(words(await verifyLines(chosen, { key: Buffer.alloc(32, 3).toString("base64") })), ["wrong_key"]);
    await assert.rejects(verifyLines(chosen, { checkpoint: parseCheckpoint(early) }), { code: "invalid_request", message: /filtered export/ });
  });

  it("finds any byte that was changed", async () => {
    for (const lines of [all.slice(0, 40).concat(all.slice(40)), chosen]) {
      const text = Buffer.from(lines.join(""));
      await inFolder(async (folder) => {
        const file = join(folder, "export");
        await fc.assert(
          fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 1, max: 255 }), async (where, mask) => {
            const bytes = Buffer.from(text);
            bytes[where]! ^= mask;
            await writeFile(file, bytes);
            const found = await verifyExport(file).catch((error: unknown) => {
              assert.equal((error as { code?: string }).code, "invalid_file");
              return undefined;
            });
            assert.ok(found === undefined || found.findingsCount > 0, `byte ${where} by ${mask}`);
          }),
          { numRuns: 150 },
        );
      });
    }
  });

  it("lists so many findings, and counts all", async () => {
    const changes = (count: number) => all.map((line, i) => (i >= at(5) && i < at(5 + count) && i !== at(42) ? changed(line, (each) => (each["salt"] = "0".repeat(32))) : line));
    const most = await verifyLines(changes(limits.auditFindingsMax + 1));
    assert.deepEqual([most.findings.length, most.findingsCount], [limits.auditFindingsMax, limits.auditFindingsMax]);
    const more = await verifyLines(changes(limits.auditFindingsMax + 2));
    assert.deepEqual([more.findings.length, more.findingsCount], [limits.auditFindingsMax, limits.auditFindingsMax + 1]);
  });

  it("reads lines up to the bound", () =>
    inFolder(async (folder) => {
      const file = join(folder, "lines");
      const longest = "x".repeat(limits.exportLineBytesMax);
      await writeFile(file, `${longest}\nshort\n`);
      const found: string[] = [];
      for await (const { lines } of readLines(file)) found.push(...lines);
      assert.deepEqual([found.length, found[0]!.length, found[1]], [2, limits.exportLineBytesMax, "short"]);
      await writeFile(file, `${longest}x\nshort\n`);
      await assert.rejects(async () => {
        for await (const { lines } of readLines(file)) assert.ok(lines);
      }, { code: "invalid_file", message: /line of more than 16777216 bytes/ });
    }));

  it("is refused where it is none", async () => {
    for (const lines of [[], ["text\n"], ['{"usher":"decision log"}\n'], ['{"usher":"decision log","format":2}\n'], ["[]\n"]]) {
      await assert.rejects(verifyLines(lines), { code: "invalid_file" });
    }
  });
});
