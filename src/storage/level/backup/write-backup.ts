import { createHash, type Hash } from "node:crypto";

import type { Instant } from "../../../base/clock.js";
import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import type { Revision } from "../../../model/zookie.js";
import { wholeSpaces } from "./header.js";
import { allRows, keyspaceRange, logKey, parseRequestAgeKey, requestAgesFrom } from "../keys.js";
import type { RawDatabase, RawSnapshot } from "../raw.js";
import { decodeRecord, noHash } from "../record.js";
import { corrupt, entries, readMeta, readMetaRow, type StoreMeta } from "../state.js";
import { encodeJsonFrame, frameKind, magic, RowFrames, type Row } from "./frame.js";
import { type BackupHeader, backupVersion } from "./header.js";

/**
 * The bytes of a backup of all that the database shows, in pieces of about `limits.backupPieceBytesMax`.
 * @param since only what the log has gained after this revision
 * @throws `zookie_expired` where the log does not reach back to `since`, `store_corrupt`, what LevelDB throws
 */
export async function* writeBackup(raw: RawDatabase, since: Revision | undefined): AsyncGenerator<Buffer, void> {
  const snapshot = raw.snapshot();
  try {
    const meta = await readMeta(raw, snapshot);
    const ancestors = (await readMetaRow(raw, snapshot, "ancestors")) ?? [];
    const from = since === undefined ? undefined : await pointAt(raw, snapshot, meta, since);
    const header: BackupHeader = {
      version: backupVersion,
      format: meta.format,
      kind: from === undefined ? "full" : "incremental",
      ...meta.identity,
      ancestors,
      head: meta.head,
      horizon: meta.horizon,
      ...(from && { from: { revision: from.revision, hash: from.hash } }),
    };
    const rows = from === undefined ? entries(raw, snapshot, allRows) : rowsSince(raw, snapshot, from.revision, from.instant);
    yield* frames(header, rows);
  } finally {
    await snapshot.close();
  }
}

async function* frames(header: BackupHeader, rows: AsyncIterable<Row>): AsyncGenerator<Buffer, void> {
  const digest = createHash("sha256");
  const packing = new RowFrames();
  yield counted(digest, Buffer.concat([magic, encodeJsonFrame(frameKind.header, header)]));
  for await (const row of rows) {
    const full = packing.add(row);
    if (full) yield counted(digest, full);
  }
  const last = packing.flush();
  if (last) yield counted(digest, last);
  yield encodeJsonFrame(frameKind.trailer, { rows: packing.rows, sha256: digest.digest("hex") });
}

function counted(digest: Hash, bytes: Buffer): Buffer {
  digest.update(bytes);
  return bytes;
}

/** The hash of the record at a revision, which the one after it carries, and an instant no later than its own. */
async function pointAt(raw: RawDatabase, snapshot: RawSnapshot, { head, horizon }: StoreMeta, since: Revision): Promise<{ revision: Revision; instant: Instant; hash: string }> {
  if (since > head.revision) throw new UsherError("zookie_ahead", `revision ${since} is ahead of the store, whose newest is ${head.revision}`);
  if (since < horizon.revision) {
    throw new UsherError("zookie_expired", `the log after revision ${since} is no longer kept, only after ${horizon.revision}: make a full backup`);
  }
  if (since === 0) return { revision: 0, instant: 0, hash: noHash.toString("hex") };
  const keys = [logKey(since), logKey(since + 1)];
  const [at, next] = await raw.getMany(keys, snapshot);
  const instant = at === undefined ? horizon.instant : decodeRecord(since, logKey(since), at).commit.instant;
  if (since === head.revision) return { revision: since, instant, hash: head.hash };
  if (next === undefined) throw corrupt(`revision ${since + 1} is missing from its log`);
  return { revision: since, instant, hash: decodeRecord(since + 1, logKey(since + 1), next).previous.toString("hex") };
}

/** An outcome is kept with an instant no earlier than that of the commit before it. */
async function* rowsSince(raw: RawDatabase, snapshot: RawSnapshot, since: Revision, instant: Instant): AsyncGenerator<Row> {
  yield* entries(raw, snapshot, keyspaceRange("meta"));
  yield* entries(raw, snapshot, { gt: logKey(since), lt: logKey(Number.MAX_SAFE_INTEGER) });
  let ages: Row[] = [];
  for await (const row of entries(raw, snapshot, requestAgesFrom(instant))) {
    ages.push(row);
    if (ages.length < limits.pageTuplesMax) continue;
    yield* await withOutcomes(raw, snapshot, ages);
    ages = [];
  }
  yield* await withOutcomes(raw, snapshot, ages);
  for (const space of wholeSpaces) yield* entries(raw, snapshot, keyspaceRange(space));
}

/** Rows by age, and the outcomes that they lead to, those that are there. */
async function withOutcomes(raw: RawDatabase, snapshot: RawSnapshot, ages: readonly Row[]): Promise<Row[]> {
  const keys = ages.map(([key]) => parseRequestAgeKey(key).request);
  const values = await raw.getMany(keys, snapshot);
  const outcomes = keys.flatMap((key, i): Row[] => {
    const value = values[i];
    return value === undefined ? [] : [[key, value]];
  });
  return [...ages, ...outcomes];
}
