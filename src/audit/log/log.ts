import { join } from "node:path";

import { assert } from "../../base/assert.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { AuditKind, AuditRecord } from "../../model/audit.js";
import { Proofs } from "../tree/proofs.js";
import type { TileEdge } from "../tree/tiles.js";
import { BlockBuilder, groupRecords, type StoredRecord } from "./block.js";
import type { Head } from "./head.js";
import { checkCheckpoint, readStanding, type Standing, tileReader } from "./opening.js";
import type { AppendOrder, LogFigures, OpenOrder, Opened, RedactOrder, RetainOrder, SearchedLog, TreeState } from "./protocol.js";
import type { OpenRawLog, RawLog } from "./raw.js";
import { entryOf, Records, shownRecord } from "./records.js";
import { compactRedacted, eraseRecords } from "./redaction.js";
import { boundaryOf, deleteBelow } from "./retention.js";
import { Run } from "./run.js";
import { Search, type SearchOrder, type SearchView } from "./search.js";
import { Segments } from "./segments.js";
import { Staging } from "./staging.js";
import { eachText } from "../texts.js";
import { Turns } from "../turns.js";

/** Runs that wait to become segments; then appending waits for them. */
const runsWaitingMax = 4;

/**
 * The log on the disk: records in blocks, the tiles of their tree, and an index that finds them. It lives in a thread of its own. What is asked of it
 * sees exactly what is on the disk.
 *
 * Invariants:
 * - Block, tiles, group and head of a batch are one synced batch of LevelDB, and one such batch is under way at a time.
 * - The first that is rejected ends this object: whether it was applied is not known. Another is opened, and the head's `sequence` says.
 * - The index on disk trails behind, and is made again from the records at an opening; it never says more than where to look.
 */
export class Log {
  readonly #raw: RawLog;
  readonly #shape: OpenOrder["shape"];
  readonly #segments: Segments;
  readonly #edge: TileEdge;
  readonly #block = new BlockBuilder();
  readonly #appending = new Turns();
  readonly #upkeep = new Turns();
  readonly #report: (error: unknown) => void;
  #head: Head;
  /** Oldest first; the last is being added to, the others become segments. */
  #runs: Run[];
  #failed: unknown;

  static async open({ folder, create, shape }: OpenOrder, openRaw: OpenRawLog, report: (error: unknown) => void): Promise<Log> {
    const raw = await openRaw(join(folder, "level"), { create });
    try {
      const segments = new Segments(raw, shape);
      const log = new Log(raw, segments, await readStanding(raw, segments.to), shape, report);
      log.#tidy();
      log.#turnRun();
      return log;
    } catch (error) {
      await raw.close();
      throw error;
    }
  }

  private constructor(raw: RawLog, segments: Segments, { head, edge, run }: Standing, shape: OpenOrder["shape"], report: (error: unknown) => void) {
    this.#raw = raw;
    this.#segments = segments;
    this.#head = head;
    this.#edge = edge;
    this.#runs = [run];
    this.#shape = shape;
    this.#report = report;
  }

  get opened(): Opened {
    const { size, sequence, last, key, oneIn } = this.#head;
    return { size, sequence, oneIn, figures: this.figures, ...(last && { last }), ...(key !== undefined && { key }) };
  }

  get figures(): LogFigures {
    const { size, kept, redacted, bytes } = this.#head;
    const below = kept < size ? new Records(this.#raw).group(kept / groupRecords).bytesBefore : bytes;
    return { size, kept, redacted, bytes: bytes - below, segments: this.#segments.list.length };
  }

  async check(checkpoint: TreeState | undefined): Promise<void> {
    if (checkpoint !== undefined) await checkCheckpoint(this.#head, this.#edge.over(tileReader(this.#raw)), checkpoint);
  }

  async append(order: AppendOrder): Promise<LogFigures> {
    // Before its turn is taken: upkeep may be waiting for a turn itself.
    if (this.#runs.length > runsWaitingMax) await this.#upkeep.run(async () => undefined);
    return this.#appending.run(async () => {
      assert(order.sequence === this.#head.sequence + 1, "batches come one after another");
      const staging = this.#stage(order.payloads.ends.length);
      eachText(order.payloads, (payload, place) => staging.add(payload, order.salts?.get(place)));
      await this.#write(staging, order.sequence);
      return this.figures;
    });
  }

  /** @param ended nobody waits for it any more */
  async search(order: SearchOrder, ended: () => boolean): Promise<SearchedLog> {
    this.#requireSound();
    const snapshot = this.#raw.snapshot();
    try {
      const { size, kept, late } = this.#head;
      // In the same turn as the snapshot: what is in a segment by then is in no run.
      const view: SearchView = {
        size,
        kept,
        late,
        records: new Records(this.#raw, snapshot),
        segments: this.#segments.list,
        reader: this.#segments.reader(snapshot),
        runs: [...this.#runs],
      };
      return { ...(await new Search(view, order, ended).run()), kept };
    } finally {
      await snapshot.close();
    }
  }

  /** @throws `record_unknown` */
  records(indexes: readonly number[], tenant: string | undefined): AuditRecord[] {
    this.#requireSound();
    const records = new Records(this.#raw);
    return indexes.map((index) => shownRecord(index, this.#recordOf(records, index, tenant)));
  }

  tree(): TreeState {
    const { size, root } = this.#head;
    return { size, root };
  }

  async inclusion(index: number, size: number, tenant: string | undefined): Promise<{ record: AuditRecord; path: string[] }> {
    const [record] = this.records([index], tenant);
    const path = await this.#proofs().inclusion(index, size);
    if (record === undefined || path === undefined) throw notKept(index, this.#head);
    return { record, path: path.map(hex) };
  }

  /** @throws `record_unknown` */
  async consistency(from: number, size: number): Promise<string[]> {
    this.#requireSound();
    if (from > size) throw new UsherError("record_unknown", `the log has ${size} records, and never had ${from}: give the size of a checkpoint of this log`);
    const path = await this.#proofs().consistency(from, size);
    if (path === undefined) {
      throw new UsherError("record_unknown", `a tree of ${from} records cannot be proven any more, since those below ${this.#head.kept} are not kept: give the size of a later checkpoint`);
    }
    return path.map(hex);
  }

  /** A few at a time, each with an entry of its own that says which, in the one batch that erases them. */
  async redact({ indexes, tenant, reason, attribution }: RedactOrder): Promise<number> {
    // All are looked at before one is gone.
    const records = new Records(this.#raw);
    for (const index of indexes) requireRedactable(index, this.#recordOf(records, index, tenant));
    const wanted = [...new Set(indexes)].sort((a, b) => a - b);
    let redacted = 0;
    for (let at = 0; at < wanted.length; at += limits.redactTogetherMax) {
      const some = wanted.slice(at, at + limits.redactTogetherMax);
      redacted += await this.#upkeep.run(() => this.#appending.run(() => this.#redactSome(some, reason, attribution)));
    }
    if (redacted > 0) await this.#upkeep.run(() => compactRedacted(this.#raw, wanted, this.#segments.list));
    return redacted;
  }

  /** Deletes what is too old, or too much. */
  async retain(order: RetainOrder): Promise<void> {
    await this.#upkeep.run(async () => {
      const below = await this.#appending.run(async () => this.#moveBoundary(order));
      if (below === undefined) return;
      await this.#guard(this.#segments.retain(below));
      await deleteBelow(this.#raw, below);
    });
  }

  async close(): Promise<void> {
    this.#segments.stop();
    await this.#upkeep.run(() => this.#appending.run(() => this.#raw.close()));
  }

  #stage(count: number): Staging {
    this.#requireSound();
    return new Staging(this.#raw, this.#head, { edge: this.#edge, run: this.#runs.at(-1)!, block: this.#block }, count);
  }

  async #write(staging: Staging, sequence: number, more: Partial<Head> = {}): Promise<void> {
    const head = staging.finish(sequence, more);
    await this.#guard(staging.batch.write());
    this.#head = head;
    this.#turnRun();
  }

  async #redactSome(indexes: readonly number[], reason: string, attribution: RedactOrder["attribution"]): Promise<number> {
    const records = new Records(this.#raw);
    const erased = indexes.filter((index) => "payload" in this.#recordOf(records, index, undefined));
    if (erased.length === 0) return 0;
    const staging = this.#stage(1);
    eraseRecords({ batch: staging.batch, records, indexes: erased, segments: this.#segments, runs: this.#runs });
    staging.add(Buffer.from(JSON.stringify({ kind: "redaction", ...attribution, records: erased, reason })));
    await this.#write(staging, this.#head.sequence, { redacted: this.#head.redacted + erased.length });
    return erased.length;
  }

  async #moveBoundary(order: RetainOrder): Promise<number | undefined> {
    const { below, reason } = boundaryOf(new Records(this.#raw), this.#head, order);
    if (below <= this.#head.kept) return undefined;
    const staging = this.#stage(1);
    staging.add(Buffer.from(JSON.stringify({ kind: "retention", at: order.now, below, reason })));
    await this.#write(staging, this.#head.sequence, { kept: below });
    return below;
  }

  #tidy(): void {
    this.#upkeep.run(() => this.#segments.clear()).catch(this.#report);
  }

  /** A run that is long enough becomes a segment, and segments that are enough one larger, while the log goes on. */
  #turnRun(): void {
    const run = this.#runs.at(-1)!;
    if (run.records < this.#shape.runRecords) return;
    this.#runs.push(new Run(run.to));
    this.#upkeep
      .run(async () => {
        this.#requireSound();
        await this.#guard(this.#segments.write(run, () => void (this.#runs = this.#runs.filter((each) => each !== run))));
        await this.#guard(this.#segments.merge(() => this.#head.kept));
      })
      .catch(this.#report);
  }

  async #guard<Result>(writing: Promise<Result>): Promise<Result> {
    try {
      return await writing;
    } catch (error) {
      this.#failed ??= error;
      throw error;
    }
  }

  #requireSound(): void {
    if (this.#failed !== undefined) throw new UsherError("audit_unavailable", "the disk failed, and the decision log is being opened again: retry later", { cause: this.#failed });
  }

  #recordOf(records: Records, index: number, tenant: string | undefined): StoredRecord {
    const { size, kept } = this.#head;
    if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new UsherError("record_unknown", `the log has no record ${index}: it has ${size}, from 0`);
    if (index < kept) throw notKept(index, this.#head);
    const record = records.at(index);
    if (tenant === undefined || ("payload" in record && entryOf(record.payload).tenant === tenant)) return record;
    throw new UsherError("record_unknown", `record ${index} is not one of the tenant's`);
  }

  #proofs(): Proofs {
    return new Proofs(this.#edge.over(tileReader(this.#raw)));
  }
}

/** What tells of the log itself is part of its proof. */
function requireRedactable(index: number, record: StoredRecord): void {
  const kind = "payload" in record ? entryOf(record.payload).kind : undefined;
  if (kind === undefined || !ofLog.has(kind)) return;
  throw new UsherError("invalid_request", `record ${index} tells of the log itself (\`${kind}\`), and is not redacted: leave it out`);
}

const ofLog: ReadonlySet<AuditKind> = new Set(["start", "stop", "key", "redaction", "retention", "sampling"]);

function notKept(index: number, { kept }: Head): UsherError {
  return new UsherError("record_unknown", `record ${index} is not kept any more: those below ${kept} were deleted by retention`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
