import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { Damaged } from "../../../src/storage/level/file-reader.js";
import { openClassicLevel } from "../../../src/storage/level/raw.js";
import { findTables } from "../../../src/storage/level/scrub.js";
import { decompress } from "../../../src/storage/level/snappy.js";
import { verifyTable } from "../../../src/storage/level/table.js";

describe("snappy", () => {
  it("decompresses literals and copies, also those that overlap what they make", () => {
    // 11 bytes: the literal `ab`, then 9 bytes from 2 before.
    assert.equal(decompress(Buffer.from([11, 0x04, 0x61, 0x62, 0x15, 0x02])).toString(), "abababababa");
    assert.equal(decompress(Buffer.from([6, 0x04, 0x61, 0x62, 0x0e, 0x02, 0x00])).toString(), "ababab");
  });

  it("refuses what is no compressed block, and never makes more than it may", () => {
    const output = (bytes: Uint8Array) => {
      try {
        return decompress(Buffer.from(bytes)).length;
      } catch (error) {
        assert(error instanceof Damaged);
        return 0;
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => assert(output(bytes) <= 32 * bytes.length)));
  });
});

describe("the scrub of LevelDB's tables", function () {
  this.timeout(60_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-scrub-"));
    const raw = await openClassicLevel(folder, { create: true });
    for (let at = 0; at < 60_000; at += 2_000) {
      const batch = Array.from({ length: 2_000 }, (_, i) => ({
        type: "put" as const,
        key: Buffer.from(`document\0${String((at + i) % 20_000).padStart(8, "0")}\0viewer\0user\0\0${at + i}`),
        value: Buffer.from(`${at}`.repeat(20)),
      }));
      await raw.batch(batch, { sync: false });
    }
    await raw.close();
    await (await openClassicLevel(folder, { create: false })).close();
  });

  after(() => rm(folder, { recursive: true }));

  it("finds nothing in sound ones, compressed as LevelDB likes", async () => {
    const tables = await findTables(folder);
    assert(tables.length > 1);
    for (const { path, bytes } of tables) await verifyTable(path, bytes);
  });

  it("finds any flipped bit, but in the padding of the footer, which is not read", async () => {
    const [table] = await findTables(folder);
    assert(table);
    const bytes = await readFile(table.path);
    const copy = join(folder, "copy");
    const footerBytes = 48;
    const positions = [...fc.sample(fc.nat({ max: 8 * (bytes.length - footerBytes) - 1 }), 100), 8 * (bytes.length - footerBytes), 8 * bytes.length - 1];
    for (const bit of positions) {
      const at = Math.floor(bit / 8);
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
      await writeFile(copy, flipped);
      await assert.rejects(verifyTable(copy, bytes.length), Damaged, `bit ${bit} of ${bytes.length} bytes`);
    }
    await writeFile(copy, bytes.subarray(0, -1));
    await assert.rejects(verifyTable(copy, bytes.length), Damaged);
  });
});
