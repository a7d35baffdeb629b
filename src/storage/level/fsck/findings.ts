import { limits } from "../../../base/limits.js";
import type { RawDatabase, RawOperation } from "../raw.js";

/** What may be wrong with a store, each by a word that stays. The README of this layer says what each means. */
export const findingWords = [
  "table_damaged",
  "row_damaged",
  "row_unknown",
  "forward_damaged",
  "reverse_missing",
  "reverse_differs",
  "reverse_orphan",
  "history_malformed",
  "history_leftover",
  "counter_wrong",
  "log_broken",
  "head_mismatch",
  "version_missing",
  "version_unlogged",
  "log_index_missing",
  "log_index_orphan",
  "time_index_missing",
  "time_index_orphan",
  "schema_missing",
  "schema_orphan",
  "request_unaged",
  "request_orphan",
  "tenant_contradiction",
  "tenant_leftover",
  "file_leftover",
] as const;

export type FindingWord = (typeof findingWords)[number];

export interface Finding {
  readonly word: FindingWord;
  readonly count: number;
  /** So many of them can be repaired from what else the store has, and were where that was asked for. */
  readonly repairable: number;
  /** The first `limits.fsckExamplesMax` of them. */
  readonly examples: readonly string[];
}

interface Counted {
  count: number;
  repairable: number;
  readonly examples: string[];
}

/** Operations of a repair that are written at once. */
const repairsPerBatch = 1_000;

/** Collects what is found, in bounded memory, and carries out its repairs where that is asked for. */
export class Findings {
  readonly #found = new Map<FindingWord, Counted>();
  readonly #raw: RawDatabase;
  readonly #repair: boolean;
  #pending: RawOperation[] = [];

  constructor(raw: RawDatabase, repair: boolean) {
    this.#raw = raw;
    this.#repair = repair;
  }

  /** @param operations what makes it good; none: nothing in the store does. */
  async add(word: FindingWord, example: string, operations: readonly RawOperation[] = [], count = 1): Promise<void> {
    this.#count(word, example, count, operations.length > 0);
    if (!this.#repair) return;
    this.#pending.push(...operations);
    if (this.#pending.length >= repairsPerBatch) await this.flush();
  }

  /** A file that should not be there, and what removes it. */
  async addFile(name: string, remove: () => Promise<void>): Promise<void> {
    this.#count("file_leftover", name, 1, true);
    if (this.#repair) await remove();
  }

  #count(word: FindingWord, example: string, count: number, repairable: boolean): void {
    let counted = this.#found.get(word);
    if (counted === undefined) this.#found.set(word, (counted = { count: 0, repairable: 0, examples: [] }));
    counted.count += count;
    if (repairable) counted.repairable += count;
    if (counted.examples.length < limits.fsckExamplesMax) counted.examples.push(example);
  }

  /** What was found is read from a snapshot, so that repairs do not meet themselves. */
  async flush(): Promise<void> {
    const operations = this.#pending;
    this.#pending = [];
    if (operations.length > 0) await this.#raw.batch(operations, { sync: true });
  }

  list(): Finding[] {
    return findingWords.flatMap((word) => {
      const counted = this.#found.get(word);
      return counted === undefined ? [] : [{ word, ...counted }];
    });
  }
}
