import { limits } from "../../../src/base/limits.js";
import type { ImportOptions, PlacedTuple } from "../../../src/storage/store.js";

export const crashImport: ImportOptions = { tenant: 1, principal: "crash", expectSchema: 0, metadata: {}, skipDuplicates: false };

/** Of one import: some chunks. */
export const crashImportCount = limits.importChunkTuplesMax * 2 + 333;

const batch = 1_000;

/** Tuples in no order, each of its import alone. */
export function* crashImportTuples(id: string): Generator<PlacedTuple[]> {
  for (let at = 0; at < crashImportCount; at += batch) {
    yield Array.from({ length: Math.min(batch, crashImportCount - at) }, (_, i) => {
      const index = ((at + i) * 7_919) % crashImportCount;
      return {
        tuple: { object: { type: "doc", id: `${id}-${index % 50}` }, relation: "viewer", subject: { type: "user", id: String(index), relation: "" } },
        position: at + i + 1,
      };
    });
  }
}
