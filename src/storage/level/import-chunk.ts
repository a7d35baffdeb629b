import { setImmediate as turn } from "node:timers/promises";

import type { Clock } from "../../base/clock.js";
import { limits } from "../../base/limits.js";
import type { TupleShape } from "../../model/schema/schema.js";
import type { StoredTuple, Tuple } from "../../model/tuple.js";
import type { Commit, StoredChange } from "../store.js";
import { closingRows, type Counted, type Group, logRows } from "./group.js";
import { fieldsOf, identityOf, type StagedTuple, tupleOf } from "./import-block.js";
import type { Standing } from "./import-standing.js";
import type { RunSpan, Taken } from "./import-merge.js";
import { deleteImport, type ImportRecord, putImport } from "./import-record.js";
import { headKeyOfBytes, pastKey, shapeText, type Side, stagedKey } from "./keys.js";
import type { ChainPoint } from "./meta.js";
import type { RawOperation } from "./raw.js";
import { decodeRow, encodeRow } from "./row.js";
import { seal } from "./seal.js";
import type { Counters, State } from "./state.js";
import { sameShape, shapeOf } from "../../model/schema/shape.js";
import { sameVersion } from "./version.js";

/** One commit of an import on its way, and what it makes of its import. */
export interface Chunk {
  readonly group: Group;
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
  const changes = group.commits.reduce((sum, commit) => sum + 1 + commit.changes.length, 0);
  return {
    head: group.head,
    unverified: (group.mark === undefined ? base.unverified : 0) + changes,
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
  const builder = new ChunkBuilder(record, standing, base, port);
  if (taken !== undefined) await builder.add(taken.tuples);
  return builder.finish(taken);
}

type MutableCount = { -readonly [Field in keyof Counted]: Counted[Field] };

/** Which every row begins with. */
const checksumBytes = 4;

class ChunkBuilder {
  readonly #record: ImportRecord;
  readonly #base: ChunkBase;
  readonly #published: Counters;
  readonly #standing: Standing;
  readonly #revision: number;
  readonly #instant: number;
  readonly #batch: RawOperation[] = [];
  readonly #changes: StoredChange[] = [];
  readonly #counters = new Map<string, MutableCount>();
  /** The counter of the tuple before: tuples of a shape follow each other often. */
  #counting: MutableCount | undefined;
  /** What every row of a plain tuple holds: flags, and since when it stands. */
  readonly #plainBody: Buffer;
  #added = 0;

  constructor(record: ImportRecord, standing: Standing, base: ChunkBase, { state, clock }: ChunkPort) {
    this.#record = record;
    this.#published = state.counters;
    this.#base = base;
    this.#standing = standing;
    this.#revision = base.head.revision + 1;
    this.#instant = Math.max(clock.now(), base.head.instant);
    const plain = { object: { type: "", id: "" }, relation: "", subject: { type: "", id: "", relation: "" } };
    this.#plainBody = encodeRow(Buffer.alloc(0), plain, this.#revision).subarray(checksumBytes);
  }

  async add(tuples: readonly StagedTuple[]): Promise<void> {
    const standing = await this.#standing.of(tuples);
    for (const [at, tuple] of tuples.entries()) {
      if (at % limits.importSliceTuplesMax === limits.importSliceTuplesMax - 1) await turn();
      const row = standing.get(tuple.order);
      const fields = fieldsOf(tuple.order);
      this.#touch(tuple, fields, row === undefined ? undefined : decodeRow(row.key, row.value, identityOf(fields)).tuple);
    }
  }

  finish(taken: Taken | undefined): Chunk {
    const { tenant, principal, metadata, pending } = this.#record;
    const changes = this.#changes;
    let { head }: { head: ChainPoint } = this.#base;
    const commits: Commit[] = [];
    if (changes.length > 0) {
      const commit: Commit = { revision: this.#revision, instant: this.#instant, tenant, principal, metadata, changes };
      const logged = logRows(commit, head);
      this.#batch.push(...logged.rows);
      head = logged.head;
      commits.push(commit);
    }
    const record = this.#recordAfter(taken, head);
    const left = record.pending?.runs ?? pending?.runs.map(({ end }) => ({ from: end, end })) ?? [];
    this.#batch.push(...this.#consumed(pending?.runs ?? [], left));
    this.#batch.push(record.pending === undefined && record.id === undefined ? deleteImport(record) : putImport(record));
    const { rows, mark } = closingRows({ commits, counters: this.#counters, head }, this.#base);
    this.#batch.push(...rows);
    return { group: { batch: this.#batch, commits, schemas: new Map(), counters: this.#counters, mark, head }, record, base: this.#base };
  }

  #touch(staged: StagedTuple, fields: readonly string[], standing: StoredTuple | undefined): void {
    const tuple = tupleOf(staged, fields);
    if (standing !== undefined && sameVersion(standing, tuple)) return;
    const { tenant } = this.#record;
    for (const side of sides) {
      const key = headKeyOfBytes(side, tenant, side === "object" ? staged.order : bySubject(fields));
      const value = staged.rest === "" ? seal(key, this.#plainBody) : encodeRow(key, tuple, this.#revision);
      this.#batch.push({ type: "put", key, value });
      if (standing === undefined) continue;
      const past = pastKey(side, tenant, tuple, standing.since);
      this.#batch.push({ type: "put", key: past, value: encodeRow(past, standing, standing.since, this.#revision) });
    }
    this.#count(tuple, 1);
    if (standing === undefined) this.#added++;
    else this.#count(standing, -1);
    this.#changes.push({ kind: "write", tuple, ...(standing === undefined ? {} : { replaced: standing.since }) });
  }

  #count(tuple: Tuple, by: number): void {
    const shape = shapeOf(tuple);
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

/** The order of the index by subject, from that by object. */
function bySubject([type = "", id = "", relation = "", subjectType = "", subjectRelation = "", subjectId = ""]: readonly string[]): string {
  return `${subjectType}\0${subjectId}\0${subjectRelation}\0${type}\0${relation}\0${id}`;
}
