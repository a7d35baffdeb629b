import { cp } from "node:fs/promises";
import { join } from "node:path";

import { ClassicLevel } from "classic-level";

import { DecisionLog, type DecisionLogOptions } from "../../../src/audit/decision-log.js";
import { exportEndLine, exportHeaderLine, exportRecordLine } from "../../../src/audit/verify/export-format.js";
import { BlockBuilder, readBlock, type StoredRecord } from "../../../src/audit/log/block.js";
import { blockKey } from "../../../src/audit/log/keys.js";
import { seal } from "../../../src/audit/log/seal.js";
import type { AuditVerification } from "../../../src/audit/verify/verification.js";
import type { AuditEntry } from "../../../src/model/audit.js";

export const origin = "example.com/usher";

let now = Date.parse("2026-01-02T03:04:05.678Z");

export function openLog(folder: string, options: Partial<DecisionLogOptions> = {}): Promise<DecisionLog> {
  return DecisionLog.open(folder, {
    mode: "buffer",
    origin,
    version: "1.2.3",
    clock: { now: () => now++ },
    checkpointMs: Number.POSITIVE_INFINITY,
    shape: { runRecords: 64, fanIn: 2, levelMax: 2 },
    report: (error) => {
      throw error;
    },
    ...options,
  });
}

export function checkOf(number: number): AuditEntry {
  return {
    kind: "check", at: now++, object: `document:${number}`, permission: "view", subject: `user:${number % 7}`, answer: number % 3 === 0 ? "denied" : "allowed",
    zookie: "z1", schema: "0011223344556677", grounds: [`document:${number}#viewer@user:${number % 7}`],
  };
}

/** Decisions, with a checkpoint behind each so many. */
export async function record(log: DecisionLog, count: number, each = 150): Promise<void> {
  for (let number = 0; number < count; number++) {
    void log.record(checkOf(number), false);
    if (number % each !== each - 1) continue;
    await log.flush();
    await log.checkpoint();
  }
  await log.flush();
}

/** What `usher audit export` writes of it; of these indexes alone, each with its path. */
export async function exportLines(log: DecisionLog, chosen?: readonly number[]): Promise<string[]> {
  const { checkpoint, key } = await log.checkpoint();
  const { size, kept } = log.status;
  const lines = [exportHeaderLine({ origin, key, size, filtered: chosen !== undefined })];
  for (const index of chosen ?? Array.from({ length: size - kept }, (_, i) => kept + i)) {
    const needsPath = chosen !== undefined || (index === kept && kept > 0);
    if (needsPath) {
      const { record, path } = await log.prove({ index });
      lines.push(exportRecordLine({ ...record, path }));
    } else {
      lines.push(exportRecordLine((await log.records([index]))[0]!));
    }
  }
  return [...lines, exportEndLine(checkpoint)];
}

export async function copyOf(folder: string, name: string): Promise<string> {
  const copy = join(folder, "..", name);
  await cp(folder, copy, { recursive: true });
  return copy;
}

/** Does something to the rows of a log that nobody has open. */
export async function withRows(folder: string, body: (rows: ClassicLevel<Buffer, Buffer>) => Promise<void>): Promise<void> {
  const level = new ClassicLevel<Buffer, Buffer>(join(folder, "level"), { keyEncoding: "buffer", valueEncoding: "buffer", createIfMissing: false });
  await level.open();
  try {
    await body(level);
  } finally {
    await level.close();
  }
}

/** `changed 5`, or `changed` where it is of no record. */
export function words({ findings }: AuditVerification): string[] {
  return findings.map(({ word, index }) => (index === undefined ? word : `${word} ${index}`));
}

/** Puts another block in the place of the one that holds the record, with all checksums made right. */
export async function changeBlock(folder: string, index: number, change: (block: BlockBuilder, records: StoredRecord[], first: number) => void): Promise<void> {
  await withRows(folder, async (rows) => {
    let found: Buffer | undefined;
    for await (const key of rows.keys({ gte: blockKey(0), lte: blockKey(index) })) found = key;
    const block = new BlockBuilder();
    change(block, readBlock((await rows.get(found!))!.subarray(4)), found!.readUIntBE(1, 6));
    await rows.put(found!, seal(found!, block.view()));
  });
}

/** Flips a bit of the record's payload. */
export function changeRecord(folder: string, index: number): Promise<void> {
  return changeBlock(folder, index, (block, records, first) => {
    const record = records[index - first]!;
    if ("payload" in record) record.payload[20]! ^= 1;
    for (const each of records) block.copy(each);
  });
}
