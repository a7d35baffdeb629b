import assert from "node:assert/strict";

import fc from "fast-check";

import { ChunkReader, ChunkWriter, findInChunk, withoutPlaces } from "../../../src/audit/log/chunk.js";
import { Run } from "../../../src/audit/log/run.js";
import { termOf } from "../../../src/audit/log/terms.js";
import { limits } from "../../../src/base/limits.js";

describe("the index of the decision log", () => {
  it("writes a list as its example says", () => {
    const chunks: string[] = [];
    const writer = new ChunkWriter((_, bytes) => void chunks.push(bytes.toString("hex")));
    for (const place of [2, 3, 300]) writer.add(0x12345678, 0x9abc, place);
    writer.finish();
    assert.deepEqual(chunks, ["123456789abc00030201a902"]);
  });

  it("finds in sorted chunks what was added, and not what was taken out", () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(8)), { minLength: 1, maxLength: 2_000 }), fc.nat(20), (pairs, gone) => {
        const run = new Run(100);
        const terms = Array.from({ length: 21 }, (_, i) => termOf("object", `document:${i}`));
        const wanted = new Map<number, Set<number>>();
        pairs.forEach(([term, more], place) => {
          run.next();
          for (const each of [term, (term + more) % 21]) {
            run.add(terms[each]!.high, terms[each]!.low);
            wanted.set(each, (wanted.get(each) ?? new Set()).add(place));
          }
        });
        const chunks: Buffer[] = [];
        const writer = new ChunkWriter((_, bytes) => void chunks.push(Buffer.from(bytes)));
        const sorted = run.sorted();
        for (let at = 0; at < sorted.count; at += 100) sorted.forEach(at, at + 100, (high, low, place) => writer.add(high, low, place));
        writer.finish();
        for (const [term, places] of wanted) {
          assert.deepEqual(run.find([terms[term]!]), [...places]);
          assert.deepEqual(chunks.flatMap((chunk) => findInChunk(chunk, terms[term]!)), [...places]);
        }
        const erased = new Set([gone]);
        run.remove(erased);
        for (const chunk of chunks) {
          const reader = new ChunkReader(withoutPlaces(chunk, erased) ?? Buffer.alloc(0));
          while (reader.next()) assert.notEqual(reader.place, gone);
        }
        assert.deepEqual(run.find(terms), pairs.map((_, place) => place).filter((place) => place !== gone));
      }),
      { numRuns: 50 },
    ));

  it("keeps a chunk within its bound", () => {
    const lengths: number[] = [];
    const writer = new ChunkWriter((_, bytes) => void lengths.push(bytes.length));
    for (let term = 0; term < 5_000; term++) writer.add(term, 0, term * 1_000_000);
    writer.finish();
    assert(lengths.length > 1 && lengths.every((length) => length <= limits.auditChunkBytesMax));
    assert(lengths.slice(0, -1).every((length) => length > limits.auditChunkBytesMax - 32));
  });
});
