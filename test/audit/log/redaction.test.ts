import assert from "node:assert/strict";
import { join } from "node:path";

import { ChunkReader } from "../../../src/audit/log/chunk.js";
import { openClassicLog } from "../../../src/audit/log/raw.js";
import { Segments } from "../../../src/audit/log/segments.js";
import { inFolder } from "../../support/folder.js";
import { checkEntry, openLog } from "../logs.js";

/** A segment of one such run has more than one chunk. */
const shape = { runRecords: 2_000, fanIn: 8, levelMax: 1 };

describe("redaction and the index", () => {
  it("leaves nowhere what a record could be found by: not in any chunk that is written, nor in what is still in memory", () =>
    inFolder(async (folder) => {
      const log = await openLog(folder, { shape });
      const record = async (count: number) => {
        for (let i = 0; i < count; i++) void log.record(checkEntry(log.status.size + i), false);
        await log.flush();
      };
      await record(2_100);
      await record(400);
      const redacted = [7, 1_200, 2_300];
      assert.equal(await log.redact(redacted, "asked", undefined, { at: 1 }), redacted.length);
      // Which makes a segment of what was in memory.
      await record(1_700);
      await log.close();
      const { indexed, chunks } = await indexedRecords(folder);
      assert.ok(chunks.every((count) => count > 1) && chunks.length === 2, String(chunks));
      assert.deepEqual(redacted.filter((index) => indexed.has(index)), []);
      for (const index of redacted) assert.ok(indexed.has(index - 1) && indexed.has(index + 1), "its neighbours stay");
    }));
});

/** Records of which the index on the disk has a posting, and of how many chunks its segments are. */
async function indexedRecords(folder: string): Promise<{ indexed: ReadonlySet<number>; chunks: readonly number[] }> {
  const raw = await openClassicLog(join(folder, "level"), { create: false });
  try {
    const segments = new Segments(raw, shape);
    const indexed = new Set<number>();
    for (const { id, from, chunks } of segments.list) {
      for (let chunk = 0; chunk < chunks; chunk++) {
        const postings = new ChunkReader(segments.reader().chunk(id, chunk));
        while (postings.next()) indexed.add(from + postings.place);
      }
    }
    return { indexed, chunks: segments.list.map(({ chunks }) => chunks) };
  } finally {
    await raw.close();
  }
}
