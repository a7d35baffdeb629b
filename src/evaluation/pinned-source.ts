import type { Instant } from "../base/clock.js";
import type { ObjectRef } from "../model/object.js";
import type { Schema } from "../model/schema/schema.js";
import type { Context } from "../model/context.js";
import type { SubjectRef } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import type { Standing } from "./cache/result.js";
import { climb, type Known } from "./climb.js";
import { PinnedReads } from "./pinned-reads.js";
import type { Member } from "./plan.js";
import { ReachedReads, type Reach } from "./reach.js";
import { tooMany, type Ids, type ListKind, type Reads, type TupleList } from "./reads.js";
import { Solutions } from "./solutions.js";
import type { Source } from "./source.js";

interface PinnedGround {
  readonly schema: Schema;
  readonly snapshot: Snapshot;
  readonly tenant: TenantId;
  readonly now: Instant;
  readonly known?: Known;
}

/** One snapshot: what is true there stays true, so that nothing read or found out is ever looked at again. */
export class PinnedSource implements Source {
  readonly at: Standing;
  readonly #reads: PinnedReads;
  readonly #depthMax: number;
  readonly #known: Known | undefined;
  readonly #reach: Reach | undefined;

  /** @param reach where the keys are noted that are read */
  constructor({ schema, snapshot, tenant, now, known }: PinnedGround, reach?: Reach) {
    this.#reach = reach;
    this.at = { revision: snapshot.revision, now };
    this.#reads = new PinnedReads(snapshot, tenant);
    this.#depthMax = schema.dialect.depthMax;
    this.#known = known;
  }

  get loaded(): number {
    return this.#reads.size;
  }

  get wanting(): boolean {
    return this.#reads.wanting;
  }

  begin(): boolean {
    return true;
  }

  group(subject: SubjectRef, _context: Context): { solutions: Solutions; reads: Reads } {
    const solutions = new Solutions(this.#depthMax, this.at);
    const below = new SubjectReads(this.#reads, subject, this.#known);
    if (this.#reach === undefined) return { solutions, reads: below };
    return { solutions, reads: new ReachedReads({ subject, reach: this.#reach, footprint: solutions, below, revision: () => this.at.revision }) };
  }

  load(signal?: AbortSignal): Promise<void> {
    return this.#reads.load(signal);
  }
}

/** The reads of walks about one subject. */
class SubjectReads implements Reads {
  readonly #reads: PinnedReads;
  readonly #subject: SubjectRef;
  readonly #known: Known | undefined;
  readonly #holders = new Map<Member, Ids | "unknown">();

  constructor(reads: PinnedReads, subject: SubjectRef, known: Known | undefined) {
    this.#reads = reads;
    this.#subject = subject;
    this.#known = known;
  }

  probe(key: string, object: ObjectRef, relation: string, subject: SubjectRef): Tuple | null | undefined {
    return this.#reads.probe(key, object, relation, subject);
  }

  list(key: string, object: ObjectRef, relation: string, kind: ListKind): TupleList | undefined {
    return this.#reads.list(key, object, relation, kind);
  }

  holders(member: Member): Ids | "unknown" {
    const known = this.#known;
    if (known === undefined) return "unknown";
    let holders = this.#holders.get(member);
    if (holders === undefined) {
      const found = climb(this.#subject, member, known.up);
      // Of an object that was not come by nothing can be said.
      holders = found === undefined || found === tooMany ? "unknown" : { has: (id) => found.has(id) || !known.isComplete({ type: member.type, id }, member.name) };
      this.#holders.set(member, holders);
    }
    return holders;
  }
}
