import { UsherError } from "../../src/base/errors.js";
import { Database } from "../../src/database/database.js";
import type { AuditLog } from "../../src/database/audit-log.js";
import type { AuditEntry, AuditFilter, AuditRecord } from "../../src/model/audit.js";
import type { LevelStore } from "../../src/storage/level/level-store.js";
import { openLevelStore, type LevelStoreOptions } from "../../src/storage/level/store.js";
import { inFolder } from "../support/folder.js";

/** A decision log in memory, which keeps entries in their order and proves nothing. */
export class MemoryLog implements AuditLog {
  readonly payloads: string[] = [];
  readonly grants: boolean[] = [];
  /** What `record` gives for a grant. */
  waiting: () => Promise<void> | undefined = () => undefined;

  get standing() {
    return { size: this.payloads.length, bytes: 0, backlogBytes: 0, recordsTotal: this.payloads.length, failuresTotal: 0, bytesPerDay: 0 };
  }

  get entries(): AuditEntry[] {
    return this.payloads.map((payload) => JSON.parse(payload) as AuditEntry);
  }

  record(entry: AuditEntry, grants: boolean): Promise<void> | undefined {
    this.payloads.push(JSON.stringify(entry));
    this.grants.push(grants);
    return grants ? this.waiting() : undefined;
  }

  async query({ filter, pageSize = 100, cursor = String(this.payloads.length) }: Parameters<AuditLog["query"]>[0], tenant: string | undefined) {
    const records: AuditRecord[] = [];
    let index = Number(cursor) - 1;
    for (; index >= 0 && records.length < pageSize; index--) if (this.#matches(index, filter, tenant)) records.push(this.#record(index));
    return { records, ...(index >= 0 ? { cursor: String(index + 1) } : {}) };
  }

  tail(): AsyncIterable<never> {
    throw new UsherError("internal", "not here");
  }

  async records(indexes: readonly number[]): Promise<AuditRecord[]> {
    return indexes.map((index) => this.#record(index));
  }

  async checkpoint(): Promise<never> {
    throw new UsherError("internal", "not here");
  }

  async prove(): Promise<never> {
    throw new UsherError("internal", "not here");
  }

  async redact(indexes: readonly number[]): Promise<number> {
    for (const index of indexes) this.payloads[index] = "";
    return indexes.length;
  }

  async close(): Promise<void> {}

  #record(index: number): AuditRecord {
    const payload = this.payloads[index];
    if (payload === undefined) throw new UsherError("record_unknown", `there is no record ${index}`);
    return { index, hash: "", ...(payload === "" ? {} : { salt: "", payload }) };
  }

  #matches(index: number, filter: AuditFilter, tenant: string | undefined): boolean {
    const entry = JSON.parse(this.payloads[index] ?? "{}") as Record<string, unknown>;
    const { kinds, from, to, ...texts } = filter;
    if (tenant !== undefined && entry.tenant !== tenant) return false;
    if (kinds !== undefined && !(kinds as readonly unknown[]).includes(entry.kind)) return false;
    if ((from !== undefined && Number(entry.at) < from) || (to !== undefined && Number(entry.at) >= to)) return false;
    return Object.entries(texts).every(([name, value]) => entry[name] === value);
  }
}

/** A database that records into memory. */
export async function withRecordings(body: (database: Database, log: MemoryLog, store: LevelStore) => Promise<void>, options: LevelStoreOptions = {}): Promise<void> {
  await inFolder(async (folder) => {
    const log = new MemoryLog();
    const store = await openLevelStore(folder, options);
    const database = new Database(store, {}, { log });
    try {
      await body(database, log, store);
    } finally {
      await database.close();
    }
  });
}
