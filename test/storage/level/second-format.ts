import { setTimeout as delay } from "node:timers/promises";

import { limits } from "../../../src/base/limits.js";
import { keyspaceRange } from "../../../src/storage/level/keys.js";
import type { RawDatabase, RawOperation, RawSnapshot } from "../../../src/storage/level/raw.js";
import { sealEmpty } from "../../../src/storage/level/seal.js";
import type { Formats, Migration } from "../../../src/storage/level/upgrade.js";

/** Beyond every keyspace that the first format has. */
const noteSpace = 0x7a;
const rowsPerStep = 50;

/** A format for tests, in which each tuple by object has a note beside it, under a key of its own. */
const migration: Migration = {
  from: 1,
  step: async (raw, snapshot, cursor) => {
    const range = keyspaceRange("headByObject");
    const iterator = raw.iterate({ ...(cursor === undefined ? { gte: range.gte } : { gt: Buffer.from(cursor, "hex") }), lt: range.lt, snapshot });
    try {
      const rows = await iterator.next(rowsPerStep);
      const operations = rows.map(([key]): RawOperation => {
        const note = Buffer.concat([Buffer.from([noteSpace]), key.subarray(1)]);
        return { type: "put", key: note, value: sealEmpty(note) };
      });
      const last = rows.at(-1)?.[0];
      return { operations, ...(last === undefined ? {} : { cursor: last.toString("hex") }) };
    } finally {
      await iterator.close();
    }
  },
};

export const secondFormat: Formats = { newest: 2, migrations: [migration] };

/** The same, in steps that a kill falls between. */
export const slowFormat: Formats = {
  newest: 2,
  migrations: [{ from: 1, step: (raw: RawDatabase, snapshot: RawSnapshot, cursor: string | undefined) => delay(25).then(() => migration.step(raw, snapshot, cursor)) }],
};

export async function notes(raw: RawDatabase): Promise<number> {
  const snapshot = raw.snapshot();
  const iterator = raw.iterate({ gte: Buffer.from([noteSpace]), lt: Buffer.from([noteSpace + 1]), snapshot });
  try {
    let count = 0;
    for (;;) {
      const chunk = await iterator.next(limits.pageTuplesMax);
      if (chunk.length === 0) return count;
      count += chunk.length;
    }
  } finally {
    await iterator.close();
    await snapshot.close();
  }
}
