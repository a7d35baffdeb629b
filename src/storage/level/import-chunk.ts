import { setImmediate as turn } from "node:timers/promises";

import type { Clock } from "../../base/clock.js";
import { limits } from "../../base/limits.js";
import type { TupleShape } from "../../model/schema/schema.js";
import type { StoredTuple, Tuple } from "../../model/tuple.js";
import { type Counted, logRows } from "./group.js";
import { fieldsOf, identityOf, plainShapeOf, stagedBytes, type StagedTuple, tupleOf } from "./import-block.js";
import { ChunkChanges } from "./import-changes.js";
import { ChunkGroup, type CommitHead } from "./import-group.js";
import type { Standing } from "./import-standing.js";
import type { RunSpan, Taken } from "./import-merge.js";
import { deleteImport, type ImportRecord, putImport } from "./import-record.js";
import { headKey, pastKey, shapeText, type Side, stagedKey } from "./keys.js";
import type { ChainPoint } from "./meta.js";
import { ChunkRows } from "./import-rows.js";
import type { RawOperation } from "./raw.js";
import { RecordWriter } from "./record.js";
import { decodeRow, encodeRow } from "./row.js";
import { checksumBytes } from "./seal.js";
import type { Counters, State } from "./state.js";
import { sameShape, shapeOf } from "../../model/schema/shape.js";
import { sameVersion } from "./version.js";

/** One commit of an import on its way, and what it makes of its import. */
export interface Chunk {
  readonly group: ChunkGroup;
  readonly record: ImportRecord;
  /** What it was built on: it must be committed on nothing else. */
  readonly base: ChunkBase;
}

/** What building a chunk reads beside. */
interface ChunkPort {
  readonly state: State;
  readonly clock: Clock;
}

/** The state that a chunk is built on: the published one, or what another chunk of the import is about to make of it. */
export interface ChunkBase {
  readonly head: ChainPoint;
  readonly unverified: number;
  /** Counters of the tenant's shapes, by their text, that are not as published. */
  readonly counted: ReadonlyMap<string, number>;
}

export function publishedBase({ head, unverified }: State): ChunkBase {
  return { head, unverified, counted: new Map() };
}

/** It keeps nothing of the chunk but numbers: one is built on the other over the whole of an import. */
export function baseAfter({ group, base }: Chunk): ChunkBase {
  return {
    head: group.head,
    unverified: (group.mark === undefined ? base.unverified : 0) + group.unverified,
    counted: new Map([...base.counted, ...[...group.counters.values()].map(({ shape, count }) => [shapeText(shape), count] as const)]),
  };
}

/**
 * One commit of an import: the next tuples of its merge, with how far it is, in one batch. It is built against what stands at
 * the pin, which the chunks of the same import before it do not change, since theirs are other tuples; the event loop has its
 * turns meanwhile.
 * @param taken what the merge gave, or nothing where the import is at its end
 */
export async function buildChunk(record: ImportRecord, taken: Taken | undefined, standing: Standing, base: ChunkBase, port: ChunkPort): Promise<Chunk> {
  const builder = new ChunkBuilder(record, taken?.tuples ?? [], base, port);
  await builder.build(standing);
  return builder.finish(taken);
}

type MutableCount = { -readonly [Field in keyof Counted]: Counted[Field] };

class ChunkBuilder {
  readonly #record: ImportRecord;
  readonly #base: ChunkBase;
  readonly #published: Counters;
  readonly #tuples: readonly StagedTuple[];
  readonly #commit: CommitHead;
  readonly #batch: ChunkRows;
  readonly #log: RecordWriter;
  readonly #changes = new ChunkChanges();
  readonly #counters = new Map<string, MutableCount>();
  /** The counter of the tuple before: tuples of a shape follow each other often. */
  #counting: MutableCount | undefined;
  #added = 0;

  constructor(record: ImportRecord, tuples: readonly StagedTuple[], base: ChunkBase, { state, clock }: ChunkPort) {
    this.#record = record;
    this.#published = state.counters;
    this.#base = base;
    this.#tuples = tuples;
    const { tenant, principal, metadata } = record;
    const revision = base.head.revision + 1;
    this.#commit = { revision, instant: Math.max(clock.now(), base.head.instant), tenant, principal, metadata };
    this.#log = new RecordWriter(this.#commit, Buffer.from(base.head.hash, "hex"), tuples.reduce((sum, tuple) => sum + stagedBytes(tuple), 0));
    this.#batch = new ChunkRows(tenant, encodeRow(Buffer.alloc(0), anyPlain, revision).subarray(checksumBytes), tuples);
  }

  async build(standing: Standing): Promise<void> {
    const rows = await standing.of(this.#tuples);
    let fields: readonly string[] = [];
    for (const [at, staged] of this.#tuples.entries()) {
      if (at % limits.importSliceTuplesMax === limits.importSliceTuplesMax - 1) await turn();
      fields = fieldsOf(staged.order, fields);
      const row = rows.size === 0 ? undefined : rows.get(staged.order);
      if (row !== undefined) this.#replace(staged, tupleOf(staged, fields), decodeRow(row.key, row.value, identityOf(fields)).tuple);
      else if (staged.rest === "") this.#addPlain(staged, fields);
      else this.#add(staged, tupleOf(staged, fields));
    }
  }

  finish(taken: Taken | undefined): Chunk {
    const { pending } = this.#record;
    let { head }: { head: ChainPoint } = this.#base;
    if (this.#changes.length > 0) {
      const logged = logRows(this.#commit, this.#log.finish());
      this.#batch.push(...logged.rows);
      head = logged.head;
    }
    const record = this.#recordAfter(taken, head);
    const left = record.pending?.runs ?? pending?.runs.map(({ end }) => ({ from: end, end })) ?? [];
    this.#batch.push(...this.#consumed(pending?.runs ?? [], left));
    this.#batch.push(record.pending === undefined && record.id === undefined ? deleteImport(record) : putImport(record));
    return { group: new ChunkGroup(this.#batch, this.#commit, this.#changes, this.#counters, head, this.#base), record, base: this.#base };
  }

  /** Nearly all are plain and new, and pass without becoming more than texts. */
  #addPlain(staged: StagedTuple, fields: readonly string[]): void {
    this.#batch.putPlain(staged.order, fields);
    this.#log.addPlain(fields);
    this.#count(plainShapeOf(fields), 1);
    this.#changes.add(staged);
    this.#added++;
  }

  #add(staged: StagedTuple, tuple: Tuple): void {
    this.#put(tuple);
    this.#log.add({ kind: "write", tuple });
    this.#count(shapeOf(tuple), 1);
    this.#changes.add(staged);
    this.#added++;
  }

  #replace(staged: StagedTuple, tuple: Tuple, standing: StoredTuple): void {
    if (sameVersion(standing, tuple)) return;
    this.#put(tuple);
    for (const side of sides) {
      const past = pastKey(side, this.#record.tenant, tuple, standing.since);
      this.#batch.push({ type: "put", key: past, value: encodeRow(past, standing, standing.since, this.#commit.revision) });
    }
    this.#log.add({ kind: "write", tuple, replaced: standing.since });
    this.#count(shapeOf(tuple), 1);
    this.#count(shapeOf(standing), -1);
    this.#changes.add(staged, standing.since);
  }

  #put(tuple: Tuple): void {
    for (const side of sides) {
      const key = headKey(side, this.#record.tenant, tuple);
      this.#batch.push({ type: "put", key, value: encodeRow(key, tuple, this.#commit.revision) });
    }
  }

  #count(shape: TupleShape, by: number): void {
    if (this.#counting === undefined || !sameShape(shape, this.#counting.shape)) this.#counting = this.#counter(shape);
    this.#counting.count += by;
  }

  #counter(shape: TupleShape): MutableCount {
    const { tenant } = this.#record;
    const text = shapeText(shape);
    const name = `${tenant}\0${text}`;
    const known = this.#counters.get(name);
    if (known !== undefined) return known;
    const counter = { tenant, shape, count: this.#base.counted.get(text) ?? this.#published.get(tenant)?.get(text)?.count ?? 0 };
    this.#counters.set(name, counter);
    return counter;
  }

  #recordAfter(taken: Taken | undefined, head: ChainPoint): ImportRecord {
    const { pending, ...record } = this.#record;
    const done = {
      ...record,
      changed: record.changed + this.#changes.length,
      chunks: record.chunks + (this.#changes.length > 0 ? 1 : 0),
      head: { revision: head.revision, instant: head.instant },
    };
    if (taken === undefined || pending === undefined) return done;
    const last = taken.tuples.at(-1);
    return { ...done, pending: { ...pending, runs: taken.spans, after: last?.order ?? pending.after, room: Math.max(0, pending.room - this.#added) } };
  }

  /** The blocks all of whose tuples have been dealt with. */
  #consumed(spans: readonly RunSpan[], left: readonly RunSpan[]): RawOperation[] {
    const deletions: RawOperation[] = [];
    for (const [run, { from }] of spans.entries()) {
      for (let block = from; block < (left[run]?.from ?? from); block++) deletions.push({ type: "del", key: stagedKey(this.#record, run, block) });
    }
    return deletions;
  }
}

const sides: readonly Side[] = ["object", "subject"];

/** Whose row holds what that of any plain tuple does. */
const anyPlain: Tuple = { object: { type: "", id: "" }, relation: "", subject: { type: "", id: "", relation: "" } };
