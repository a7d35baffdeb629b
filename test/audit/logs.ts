import assert from "node:assert/strict";

import { DecisionLog, type DecisionLogOptions } from "../../src/audit/decision-log.js";
import type { ConnectLog } from "../../src/audit/log/log-thread.js";
import { LogServer } from "../../src/audit/log/log-server.js";
import type { FromLog } from "../../src/audit/log/protocol.js";
import { openClassicLog, type OpenRawLog } from "../../src/audit/log/raw.js";
import { UsherError } from "../../src/base/errors.js";
import type { AuditEntry, AuditRecord, CheckEntry } from "../../src/model/audit.js";

export const origin = "example.com/usher";

/** So small that a few hundred records have all levels. */
export const smallShape = { runRecords: 20, fanIn: 2, levelMax: 3 };

let now = 1_800_000_000_000;

export function openLog(folder: string, options: Partial<DecisionLogOptions> = {}): Promise<DecisionLog> {
  return DecisionLog.open(folder, {
    mode: "buffer",
    origin,
    version: "1.2.3",
    clock: { now: () => now++ },
    checkpointMs: Number.POSITIVE_INFINITY,
    shape: smallShape,
    retryMs: { min: 1, max: 2 },
    report: (error) => {
      throw error;
    },
    ...options,
  });
}

export function checkEntry(number: number, more: Partial<CheckEntry> = {}): CheckEntry {
  return {
    kind: "check", at: now++, tenant: "default", request: `r${number}`, object: `document:${number}`, permission: "view", subject: `user:${number % 7}`,
    answer: number % 3 === 0 ? "denied" : "allowed", zookie: "z1", schema: "0011223344556677", ...more,
  };
}

/** The server of the log in this thread, over a LevelDB that a test may stand in front of. */
export function inThisThread(openRaw: OpenRawLog = openClassicLog): ConnectLog {
  return () => {
    let deliver: (message: FromLog) => void = () => undefined;
    const server = new LogServer(openRaw, (message) => setImmediate(() => deliver(structuredClone(message))));
    return {
      postMessage: (message) => void server.take(structuredClone(message)),
      listen: (listener) => (deliver = listener),
      terminate: async () => undefined,
    };
  };
}

export function entryOf(record: AuditRecord): AuditEntry {
  assert(record.payload !== undefined, `record ${record.index} has its payload`);
  return JSON.parse(record.payload) as AuditEntry;
}

/** All records of an open log, in order. */
export async function allRecords(log: DecisionLog): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  for await (const event of log.tail({ filter: {}, fromIndex: log.status.kept }, undefined)) if (event.kind === "records") records.push(...event.records);
  return records;
}

/** All pages of a query. */
export async function allPages(log: DecisionLog, request: Parameters<DecisionLog["query"]>[0], tenant?: string): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await log.query({ ...request, ...(cursor !== undefined && { cursor }) }, tenant);
    assert(page.records.length <= (request.pageSize ?? 100), "a page is no larger than was asked for");
    records.push(...page.records);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return records;
}

export function hasCode(code: UsherError["code"]): (error: unknown) => boolean {
  return (error) => error instanceof UsherError && error.code === code;
}
