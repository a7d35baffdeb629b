import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import type { ImportProblem, Metadata } from "../../model/service.js";
import type { TupleShape } from "../../model/schema/schema.js";
import type { TenantId } from "../../model/zookie.js";
import type { Head } from "../store.js";
import type { RunSpan } from "./import-merge.js";
import { importKey, type ImportName } from "./keys.js";
import type { RawOperation } from "./raw.js";
import { sealJson } from "./seal.js";

/** An import that is being committed, or has been. Its row is part of the batch of each of its commits. */
export interface ImportRecord extends ImportName {
  readonly principal: string;
  /** Absent: nobody will ask for it by name, and the record goes when it is done. */
  readonly id?: string;
  readonly metadata: Metadata;
  readonly tuples: number;
  readonly skipped: number;
  readonly problems: readonly ImportProblem[];
  readonly changed: number;
  readonly chunks: number;
  /** Of its last commit; before the first, what was then published. */
  readonly head: Head;
  /** What is left to do; absent: nothing. */
  readonly pending?: PendingImport;
}

export interface PendingImport {
  readonly runs: readonly RunSpan[];
  /** Identities up to here stand, as the index by object orders them. */
  readonly after: string;
  /** How many tuples more the tenant may come to have by it: a quota has room for them, and keeps it. */
  readonly room: number;
  /** A new schema must admit these, as if tuples of them stood. */
  readonly shapes: readonly TupleShape[];
}

export function putImport(record: ImportRecord): RawOperation {
  const key = importKey(record);
  return { type: "put", key, value: sealJson(key, record) };
}

export function deleteImport(name: ImportName): RawOperation {
  return { type: "del", key: importKey(name) };
}

/** The imports of a store that are being committed, and the newest that have been, in memory. A change is made here once its row is durable. */
export class Imports {
  readonly #records = new Map<number, ImportRecord>();
  /** A number that no row named when they were read, nor one above it. */
  readonly next: number;

  constructor(records: readonly ImportRecord[], next: number) {
    for (const record of records) this.#records.set(record.number, record);
    this.next = next;
  }

  /** In the order in which they began. */
  all(): ImportRecord[] {
    return [...this.#records.values()].sort((a, b) => a.number - b.number);
  }

  get(number: number): ImportRecord | undefined {
    return this.#records.get(number);
  }

  named(tenant: TenantId, principal: string, id: string): ImportRecord | undefined {
    return this.all().find((record) => record.tenant === tenant && record.principal === principal && record.id === id);
  }

  set(record: ImportRecord): void {
    this.#records.set(record.number, record);
  }

  delete(number: number): void {
    this.#records.delete(number);
  }

  /** How many tuples more a tenant may come to have by what is being committed. */
  room(tenant: TenantId): number {
    let sum = 0;
    for (const record of this.#records.values()) if (record.tenant === tenant) sum += record.pending?.room ?? 0;
    return sum;
  }

  /** @throws `schema_orphans_tuples` where what is being committed would not fit the schema */
  checkSchema(tenant: TenantId, admits: (shape: TupleShape) => boolean): void {
    for (const { pending, tenant: of } of this.#records.values()) {
      const shape = of === tenant ? pending?.shapes.find((each) => !admits(each)) : undefined;
      if (shape === undefined) continue;
      throw new UsherError(
        "schema_orphans_tuples",
        `tuples of ${quote(`${shape.objectType}#${shape.relation}`)} that an import is committing would not fit the schema: write it when the import is done`,
      );
    }
  }

  /** Those that are done and no longer kept: older than the instant, or more than are kept. */
  outdated(oldest: number): ImportRecord[] {
    const done = this.all().filter(({ pending }) => pending === undefined);
    return done.filter(({ head }, at) => head.instant < oldest || at < done.length - limits.importsKeptMax);
  }
}
