import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { decodeRows, encodeFrame, encodeJsonFrame, frameKind, magic, RowFrames } from "../../../../src/storage/level/backup/frame.js";
import { BackupFile } from "../../../../src/storage/level/backup/backup-file.js";
import { verifyBackups } from "../../../../src/storage/level/backup/verify.js";
import { keyspaceOf } from "../../../../src/storage/level/keys.js";
import { seal } from "../../../../src/storage/level/seal.js";
import { openLevelStore } from "../../../../src/storage/level/store.js";
import { touchWrite } from "../checks.js";
import { backUp, bytesOf, codeOf } from "./files.js";

const named = ["backup_damaged", "invalid_file", "store_format_newer"];

describe("a damaged backup file", function () {
  this.timeout(120_000);
  let root: string;
  let whole: Buffer;
  /** Where the frames of the file begin and end. */
  let edges: number[];

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "usher-backup-"));
    const store = await openLevelStore(join(root, "store"), { maintenanceMs: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 30; i++) await store.commit(touchWrite(Array.from({ length: 100 }, (_, j) => `user:${i}x${j}`)));
    whole = await bytesOf(await backUp(store, join(root, "whole")));
    await store.close();
    edges = [0, magic.length];
    for (let at = magic.length; at < whole.length; edges.push(at)) at += 9 + whole.readUInt32BE(at + 1);
    assert.equal(edges.at(-1), whole.length);
    assert(edges.length > 5, "several frames of rows");
  });

  after(() => rm(root, { recursive: true, force: true }));

  async function verify(bytes: Uint8Array): Promise<string | undefined> {
    const path = join(root, "damaged");
    await writeFile(path, bytes);
    return codeOf(() => verifyBackups([path]));
  }

  it("is whole as it was written", async () => assert.equal(await verify(whole), undefined));

  it("cut short anywhere is named: at each edge of a frame, around it, and in between", async () => {
    const cuts = new Set(edges.flatMap((edge) => [edge - 1, edge, edge + 1, edge + 5, edge + 9]).filter((at) => at >= 0 && at < whole.length));
    for (const at of cuts) assert.equal(await verify(whole.subarray(0, at)), at < magic.length ? "invalid_file" : "backup_damaged", `cut at ${at}`);
    await fc.assert(fc.asyncProperty(fc.nat(whole.length - 1), async (at) => assert(named.includes((await verify(whole.subarray(0, at))) ?? ""))), { numRuns: 60 });
  });

  it("with a flipped bit anywhere is named", async () => {
    const flips = fc.tuple(fc.oneof(fc.nat(400), fc.nat(whole.length - 1), fc.nat(200).map((back) => whole.length - 1 - back)), fc.nat(7));
    await fc.assert(
      fc.asyncProperty(flips, async ([at, bit]) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        assert(named.includes((await verify(bytes)) ?? ""), `byte ${at}`);
      }),
      { numRuns: 300 },
    );
  });

  it("with a frame left out, doubled, exchanged, or more behind its end is named", async () => {
    const frames = edges.slice(1, -1).map((edge, i) => whole.subarray(edge, edges[i + 2]));
    const file = (parts: readonly Buffer[]) => verify(Buffer.concat([magic, ...parts]));
    const [header, one, two] = frames as [Buffer, Buffer, Buffer];
    const rest = frames.slice(3);
    assert.equal(await file(frames), undefined);
    for (const parts of [[header, two, ...rest], [header, one, one, two, ...rest], [header, two, one, ...rest], [...frames, one], [one, two, ...rest], [...frames, Buffer.from([0])]]) {
      assert.equal(await file(parts), "backup_damaged");
    }
  });

  it("with a sound row in the place of another is named", async () => {
    const [begin = 0, end = 0] = edges.slice(2);
    const rows = decodeRows(whole.subarray(begin + 9, end));
    const at = rows.findIndex(([key]) => keyspaceOf(key) === "headByObject");
    const [key, value] = rows[at] ?? [];
    assert(key && value);
    const body = Buffer.from(value.subarray(4));
    body[body.length - 1] = (body[body.length - 1] ?? 0) ^ 1;
    rows[at] = [key, seal(key, body)];
    const packing = new RowFrames();
    const frame = rows.map((row) => packing.add(row)).at(-1);
    assert(frame);
    assert.equal(frame.length, end - begin);
    assert.equal(await verify(Buffer.concat([whole.subarray(0, begin), frame, whole.subarray(end)])), "backup_damaged");
  });

  it("of any other bytes, even with sound checksums, is a code and no crash", async () => {
    const header = whole.subarray(edges[1], edges[2]);
    /** With a trailer that is right about it. */
    const sealed = (frames: readonly Buffer[], rows: number) => {
      const before = Buffer.concat([magic, ...frames]);
      return Buffer.concat([before, encodeJsonFrame(frameKind.trailer, { rows, sha256: createHash("sha256").update(before).digest("hex") })]);
    };
    const contents = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.json().map((text) => Buffer.from(text)));
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2, 2, 2, 3, 9), contents), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.boolean(), frames, fc.nat(3), async (headed, parts, rows) => {
        const made = parts.map(([kind, content]) => encodeFrame(kind, Buffer.from(content)));
        assert(named.includes((await verify(sealed(headed ? [header, ...made] : made, rows))) ?? ""));
      }),
      { numRuns: 300 },
    );
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => assert.equal(await verify(bytes), "invalid_file")), { numRuns: 50 });
  });

  it("of a newer version says so", async () => {
    const path = join(root, "newer");
    await writeFile(path, Buffer.concat([magic, encodeJsonFrame(frameKind.header, { version: 2 })]));
    assert.equal(await codeOf(() => BackupFile.open(path)), "store_format_newer");
  });
});
