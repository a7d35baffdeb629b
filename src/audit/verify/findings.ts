import { limits } from "../../base/limits.js";

/**
 * What can be wrong with a log.
 *
 * - `changed`: a record, a hash or a checkpoint is not what it was
 * - `missing`: a record is not there, and no record says that it was redacted or expired
 * - `reordered`: a record stands where another one was
 * - `forked`: a checkpoint that somebody kept is of another history
 * - `truncated`: a checkpoint is of a larger log than this
 * - `wrong_key`: a checkpoint is not signed by the key that it should be
 */
export type FindingWord = "changed" | "missing" | "reordered" | "forked" | "truncated" | "wrong_key";

export interface Finding {
  readonly word: FindingWord;
  /** Of the record, where it is one. */
  readonly index?: number;
  readonly message: string;
}

/** Of many findings the first `limits.auditFindingsMax` are kept, and all are counted. */
export class Findings {
  readonly list: Finding[] = [];
  count = 0;

  add(word: FindingWord, message: string, index?: number): void {
    this.count++;
    if (this.list.length < limits.auditFindingsMax) this.list.push({ word, ...(index === undefined ? {} : { index }), message });
  }
}
