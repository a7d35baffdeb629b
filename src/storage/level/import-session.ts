import { throwIfAborted } from "../../base/abort.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import type { ImportProblem } from "../../model/service.js";
import type { TupleShape } from "../../model/schema/schema.js";
import { tupleIdentity } from "../../model/tuple.js";
import type { Import, ImportOptions, ImportOutcome, PlacedTuple } from "../store.js";
import type { Pin } from "./handle.js";
import { before, encodeBlock, fieldsOf, stagedBytes, type StagedTuple, stageTuple, tupleOf } from "./import-block.js";
import { Merge, type LoadBlock, type RunSpan } from "./import-merge.js";
import { type ImportRecord, putImport } from "./import-record.js";
import { Standing } from "./import-standing.js";
import { type ImportName, shapeText, stagedKey } from "./keys.js";
import type { Apply, CommitGroup } from "./pipeline.js";
import type { RawOperation } from "./raw.js";
import { seal } from "./seal.js";
import { type State, tuplesOf } from "./state.js";
import { sameShape, shapeOf } from "../../model/schema/shape.js";

/** What a session works on. */
export interface SessionPort {
  /** As it is now: another one takes its place when the store is reopened. */
  state(): State;
  /** Runs a task between two groups of commits, with a pin of what is published then. */
  between(task: (apply: Apply, pin: Pin, commit: CommitGroup) => Promise<void>): Promise<void>;
  read<Result>(doing: string, task: (pin: Pin) => Promise<Result>): Promise<Result>;
  blocksOf(name: ImportName): LoadBlock;
  /** Commits what has been recorded as pending. */
  commit(number: number, signal?: AbortSignal): Promise<ImportOutcome>;
  /** It stands on record as pending: what it has staged is the record's. */
  recorded(number: number): void;
  /** The session is over: what it has staged and not recorded goes. */
  leave(number: number): Promise<void>;
}

/**
 * One import while it is staged. Tuples are gathered into runs, each sorted by identity and written in blocks, so that staging
 * costs little more than the log of a write, memory is bounded by a run, and `finish` finds duplicates and the order of
 * the index by object in one merge.
 */
export class ImportSession implements Import {
  readonly #name: ImportName;
  readonly #options: ImportOptions;
  readonly #port: SessionPort;
  #run: StagedTuple[] = [];
  #runBytes = 0;
  readonly #spans: RunSpan[] = [];
  readonly #shapes = new Map<string, TupleShape>();
  /** Tuples of a shape follow each other often. */
  #lastShape: TupleShape | undefined;
  readonly #problems: ImportProblem[] = [];
  #skipped = 0;

  constructor(name: ImportName, options: ImportOptions, port: SessionPort) {
    this.#name = name;
    this.#options = options;
    this.#port = port;
  }

  async append(tuples: readonly PlacedTuple[]): Promise<void> {
    for (const placed of tuples) {
      const staged = stageTuple(placed);
      const shape = shapeOf(placed.tuple);
      if (this.#lastShape === undefined || !sameShape(shape, this.#lastShape)) this.#shapes.set(shapeText(shape), (this.#lastShape = shape));
      this.#run.push(staged);
      this.#runBytes += stagedBytes(staged);
      if (this.#run.length >= limits.importRunTuplesMax || this.#runBytes >= limits.importRunBytesMax) await this.#flush();
    }
  }

  skip(problem: ImportProblem): void {
    this.#skipped++;
    if (this.#problems.length < limits.importProblemsMax) this.#problems.push(problem);
  }

  async finish(signal?: AbortSignal): Promise<ImportOutcome> {
    await this.#flush();
    const { tuples, standing } = await this.#verify(signal);
    await this.#port.between((apply) => this.#record(apply, tuples, standing));
    this.#port.recorded(this.#name.number);
    return this.#port.commit(this.#name.number, signal);
  }

  async abort(): Promise<void> {
    await this.#port.leave(this.#name.number);
  }

  /** Sorts what was gathered and writes it, in steps that keep other writers waiting for little. */
  async #flush(): Promise<void> {
    if (this.#run.length === 0) return;
    if (this.#spans.length >= limits.importRunsMax) throw new UsherError("request_too_large", "the import is larger than can be merged: split it");
    const run = this.#run.sort((a, b) => (before(a, b) ? -1 : 1));
    this.#run = [];
    this.#runBytes = 0;
    let step: RawOperation[] = [];
    let stepBytes = 0;
    let blocks = 0;
    for (const block of blocksOf(run)) {
      const key = stagedKey(this.#name, this.#spans.length, blocks++);
      const value = seal(key, encodeBlock(block));
      step.push({ type: "put", key, value });
      stepBytes += value.length;
      if (stepBytes < limits.importStepBytesMax) continue;
      await this.#write(step);
      step = [];
      stepBytes = 0;
    }
    if (step.length > 0) await this.#write(step);
    this.#spans.push({ from: 0, end: blocks });
  }

  #write(step: readonly RawOperation[]): Promise<void> {
    return this.#port.between(async (apply) => {
      this.#requireTenant();
      await apply(step);
    });
  }

  /** Finds what must refuse the import, and how many tuples it holds; of a tenant with a quota also how many of them stand. */
  async #verify(signal: AbortSignal | undefined): Promise<{ tuples: number; standing: number }> {
    const merge = new Merge(this.#spans, this.#port.blocksOf(this.#name), "", (first, again) => this.#duplicate(first, again));
    const bounded = this.#quota() !== undefined;
    const counted = { tuples: 0, standing: 0 };
    for (let taken = await merge.take(limits.pageTuplesMax, limits.importChunkBytesMax); taken; taken = await merge.take(limits.pageTuplesMax, limits.importChunkBytesMax)) {
      throwIfAborted(signal);
      const { tuples } = taken;
      counted.tuples += tuples.length;
      if (bounded) counted.standing += await this.#port.read("import", (pin) => new Standing(pin, this.#name.tenant, this.#port.state()).count(tuples));
    }
    throwIfAborted(signal);
    return counted;
  }

  #duplicate(first: StagedTuple, again: StagedTuple): void {
    const identity = quote(tupleIdentity(tupleOf(first, fieldsOf(first.order))));
    const message = `${identity} stands at ${first.position} already`;
    if (this.#options.skipDuplicates) return this.skip({ position: again.position, code: "duplicate_operation", message });
    throw new UsherError("duplicate_operation", `${message}, and again at ${again.position}: import it once`, {
      details: { position: String(again.position), first: String(first.position) },
    });
  }

  /** From when this is durable the import is committed, whatever happens. */
  async #record(apply: Apply, tuples: number, standing: number): Promise<void> {
    const state = this.#port.state();
    this.#requireTenant();
    this.#requireSchema();
    this.#requireQuota(tuples - standing);
    const { principal, id, metadata } = this.#options;
    const { revision, instant } = state.head;
    const record: ImportRecord = {
      ...this.#name, principal, ...(id === undefined ? {} : { id }), metadata,
      tuples, skipped: this.#skipped, problems: this.#problems, changed: 0, chunks: 0, head: { revision, instant },
      pending: { runs: this.#spans, after: "", room: tuples - standing, shapes: [...this.#shapes.values()] },
    };
    try {
      await apply([putImport(record)]);
    } catch (cause) {
      throw new UsherError("outcome_unknown", "the disk failed while the import was about to be committed: ask for it by its id, or read whether it took effect", { cause });
    }
    state.imports.set(record);
  }

  #requireTenant(): void {
    if (!this.#port.state().tenants.has(this.#name.tenant)) throw new UsherError("tenant_unknown", "the tenant was deleted while the import was on its way");
  }

  #requireSchema(): void {
    const inForce = this.#port.state().schemas.get(this.#name.tenant)?.revision ?? 0;
    if (inForce === this.#options.expectSchema) return;
    throw new UsherError("schema_changed", `the schema was changed by revision ${inForce} while the import was on its way: nothing was imported, begin it again`);
  }

  #requireQuota(added: number): void {
    const max = this.#quota();
    if (max === undefined || added <= 0) return;
    const { counters, imports } = this.#port.state();
    const standing = tuplesOf(counters, this.#name.tenant) + imports.room(this.#name.tenant);
    if (standing + added <= max) return;
    throw new UsherError("quota_exceeded", `${standing} tuples stand, and with ${added} more the tenant has more than its quota of ${max}: nothing was imported`, {
      details: { quota: "tuples", max: String(max), tuples: String(standing) },
    });
  }

  #quota(): number | undefined {
    return this.#port.state().tenants.byId(this.#name.tenant)?.quotas.tuples;
  }
}

/** A run cut into blocks, of one tuple at least. */
function* blocksOf(run: readonly StagedTuple[]): Generator<readonly StagedTuple[]> {
  let start = 0;
  let bytes = 0;
  for (const [at, tuple] of run.entries()) {
    bytes += stagedBytes(tuple);
    if (bytes < limits.importBlockBytesMax) continue;
    yield run.slice(start, at + 1);
    start = at + 1;
    bytes = 0;
  }
  if (start < run.length) yield run.slice(start);
}
