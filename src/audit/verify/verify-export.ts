import { asError, UsherError } from "../../base/errors.js";
import { type Checkpoint, parseCheckpoint } from "../checkpoint.js";
import { Frontier } from "../tree/frontier.js";
import { equalHashes, rootAbove, subtreesBefore } from "../tree/merkle.js";
import { Absences } from "./absences.js";
import { type ExportedRecord, type ExportHeader, parseExportHeader, parseExportLine } from "./export-format.js";
import { readLines } from "./lines.js";
import { type AuditVerification, type FoundRecord, Verification, type VerifyOptions } from "./verification.js";

/**
 * Holds an export against the checkpoint at its end: all of the records, or of a filtered one each with its path. A line at a time, in one pass.
 * @throws `invalid_file` where it is none, or cannot be read; `invalid_request` for a checkpoint of which a filtered one can say nothing
 */
export async function verifyExport(file: string, options: VerifyOptions = {}): Promise<AuditVerification> {
  let run: ExportVerification | undefined;
  for await (const { lines, cut } of readLines(file)) {
    const isFirst = run === undefined;
    run ??= await ExportVerification.begin(parseExportHeader(lines[0]!, file), options);
    for (const line of isFirst ? lines.slice(1) : lines) {
      run.line(line, cut);
      if (run.isDue) await run.compare();
    }
  }
  return (run ?? (await ExportVerification.begin(parseExportHeader("", file), options))).conclude();
}

class ExportVerification {
  readonly #header: ExportHeader;
  readonly #given: Checkpoint | undefined;
  readonly #verification: Verification;
  readonly #absences: Absences;
  #end: { readonly checkpoint?: Checkpoint } | undefined;
  /** Where paths lead: to the root of the checkpoint, as must turn out. */
  #root: Uint8Array | undefined;
  #line = 1;
  /** Of a filtered one. */
  #last = -1;
  #redacted = 0;

  static async begin(header: ExportHeader, options: VerifyOptions): Promise<ExportVerification> {
    const run = new ExportVerification(header, options);
    await run.#verification.begin();
    return run;
  }

  private constructor(header: ExportHeader, { key, checkpoint }: VerifyOptions) {
    this.#header = header;
    this.#given = checkpoint;
    // The one at the end comes last, and without its other records a filtered one cannot be compared on the way.
    this.#verification = new Verification(none(), { ...(key === undefined ? {} : { key }), ...(header.filtered || checkpoint === undefined ? {} : { checkpoint }) }, header.origin);
    this.#absences = new Absences(this.#verification.findings);
    if (!header.filtered || checkpoint === undefined || checkpoint.size === header.size) return;
    throw new UsherError("invalid_request", `a filtered export of a log of ${header.size} records says nothing of a checkpoint of ${checkpoint.size}: give the one of its size, or verify an export of all`);
  }

  get isDue(): boolean {
    return this.#verification.isDue;
  }

  compare(): Promise<void> {
    return this.#verification.compare();
  }

  line(text: string, cut: boolean): void {
    this.#line++;
    const { findings } = this.#verification;
    if (cut) return findings.add("truncated", `line ${this.#line} is cut`);
    if (this.#end !== undefined) return findings.add("changed", `line ${this.#line} stands behind the checkpoint, which is the end`);
    const parsed = parseExportLine(text);
    if (parsed === undefined) return this.#unreadable();
    if ("checkpoint" in parsed) this.#end = this.#read(parsed.checkpoint);
    else if (this.#header.filtered) this.#chosen(parsed);
    else this.#next(parsed);
  }

  async conclude(): Promise<AuditVerification> {
    const verification = this.#verification;
    const { findings } = verification;
    const checkpoint = this.#end?.checkpoint;
    if (this.#end === undefined) findings.add("truncated", "there is no checkpoint at its end");
    if (this.#header.filtered) verification.choose(this.#header.size, this.#root ?? checkpoint?.root, this.#redacted);
    else if (verification.size < this.#header.size && checkpoint !== undefined) this.#endsEarly();
    this.#absences.conclude();
    if (checkpoint !== undefined) this.#compareEnd(checkpoint);
    return verification.conclude(this.#header.key);
  }

  #compareEnd(checkpoint: Checkpoint): void {
    const { findings } = this.#verification;
    const { size, filtered } = this.#header;
    if (checkpoint.size !== size) findings.add("changed", `the first line tells of ${size} records, and the checkpoint at the end of ${checkpoint.size}`);
    this.#verification.compareLast(checkpoint);
    if (!filtered && this.#root !== undefined && !equalHashes(this.#root, checkpoint.root)) findings.add("changed", "the path of the first record does not lead to the root of the checkpoint");
    if (!filtered || this.#given === undefined || equalHashes(this.#given.root, checkpoint.root)) return;
    findings.add("forked", `the checkpoint at ${new Date(this.#given.at).toISOString()}, which was given, is of another root than the one at the end`);
  }

  /** The checkpoint stands behind fewer records than it is of. */
  #endsEarly(): void {
    const { size } = this.#verification;
    this.#verification.findings.add("truncated", `records ${size} to ${this.#header.size - 1} are not there`, size);
    this.#verification.lose(this.#header.size - size);
  }

  #unreadable(): void {
    this.#verification.findings.add("changed", `line ${this.#line} is neither a record nor the checkpoint`);
    if (!this.#header.filtered) this.#verification.lose(1);
  }

  #read(text: string): { checkpoint?: Checkpoint } {
    try {
      return { checkpoint: parseCheckpoint(text) };
    } catch (error) {
      this.#verification.findings.add("changed", `at the end: ${asError(error).message}`);
      return {};
    }
  }

  #next(record: ExportedRecord): void {
    const { size } = this.#verification;
    if (record.index < size) return this.#absences.comes(record.index);
    if (size === 0 && record.index > 0 && record.path !== undefined) this.#beginWith(record, record.path);
    else if (record.index > size) {
      this.#absences.add(size, record.index);
      this.#verification.lose(record.index - size);
    }
    this.#verification.record({ ...bytesOf(record), expected: Buffer.from(record.hash, "hex") });
  }

  /** What was before it stands in its path. */
  #beginWith({ index, hash }: ExportedRecord, path: readonly string[]): void {
    const siblings = path.map((each) => Buffer.from(each, "hex"));
    const subtrees = subtreesBefore(this.#header.size, index, siblings);
    if (subtrees === undefined) this.#verification.findings.add("changed", `the path of record ${index}, the first, is none of a tree of ${this.#header.size} records`, index);
    this.#root = rootAbove(this.#header.size, index, Buffer.from(hash, "hex"), siblings);
    this.#verification.beginWith(index, subtrees && Frontier.restore(index, Buffer.concat(subtrees)));
  }

  #chosen(record: ExportedRecord): void {
    const { index, hash, path } = record;
    const { findings } = this.#verification;
    if (index <= this.#last) findings.add("reordered", `record ${index} stands behind ${this.#last}`, index);
    this.#last = Math.max(this.#last, index);
    if (record.payload === undefined) this.#redacted++;
    const leaf = Buffer.from(hash, "hex");
    this.#verification.compareHash(index, bytesOf(record), leaf);
    if (path === undefined) return findings.add("missing", `record ${index} has no path, and a filtered export needs one of each`, index);
    const root = rootAbove(this.#header.size, index, leaf, path.map((each) => Buffer.from(each, "hex")));
    this.#root ??= root;
    if (root === undefined || !equalHashes(root, this.#root!)) findings.add("changed", `the path of record ${index} does not lead to the root`, index);
  }
}

function bytesOf({ salt, payload }: ExportedRecord): FoundRecord {
  return salt === undefined || payload === undefined ? {} : { salt: Buffer.from(salt, "hex"), payload: Buffer.from(payload) };
}

async function* none(): AsyncGenerator<never> {
  // The checkpoint of an export comes behind its records.
}
