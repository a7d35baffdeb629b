import type { Instant } from "../base/clock.js";
import type { ObjectRef } from "../model/object.js";
import type { Schema } from "../model/schema/schema.js";
import type { Context } from "../model/context.js";
import type { SubjectRef } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import type { TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import type { Standing } from "./cache/result.js";
import { climb, type Up } from "./climb.js";
import { PinnedReads } from "./pinned-reads.js";
import type { Member } from "./plan.js";
import { tooMany, type ListKind, type Reads, type TupleList } from "./reads.js";
import { Solutions } from "./solutions.js";
import type { Source } from "./source.js";

interface PinnedGround {
  readonly schema: Schema;
  readonly snapshot: Snapshot;
  readonly tenant: TenantId;
  readonly now: Instant;
  /** Where all that leads to what is asked about is at hand, from the subject's side too. */
  readonly up?: Up;
}

/** One snapshot: what is true there stays true, so that nothing read or found out is ever looked at again. */
export class PinnedSource implements Source {
  readonly at: Standing;
  readonly #reads: PinnedReads;
  readonly #depthMax: number;
  readonly #up: Up | undefined;

  constructor({ schema, snapshot, tenant, now, up }: PinnedGround) {
    this.at = { revision: snapshot.revision, now };
    this.#reads = new PinnedReads(snapshot, tenant);
    this.#depthMax = schema.dialect.depthMax;
    this.#up = up;
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
    return { solutions: new Solutions(this.#depthMax, this.at), reads: new SubjectReads(this.#reads, subject, this.#up) };
  }

  load(signal?: AbortSignal): Promise<void> {
    return this.#reads.load(signal);
  }
}

/** The reads of walks about one subject. */
class SubjectReads implements Reads {
  readonly #reads: PinnedReads;
  readonly #subject: SubjectRef;
  readonly #up: Up | undefined;
  readonly #holders = new Map<Member, ReadonlySet<string> | "unknown">();

  constructor(reads: PinnedReads, subject: SubjectRef, up: Up | undefined) {
    this.#reads = reads;
    this.#subject = subject;
    this.#up = up;
  }

  probe(key: string, object: ObjectRef, relation: string, subject: SubjectRef): Tuple | null | undefined {
    return this.#reads.probe(key, object, relation, subject);
  }

  list(key: string, object: ObjectRef, relation: string, kind: ListKind): TupleList | undefined {
    return this.#reads.list(key, object, relation, kind);
  }

  holders(member: Member): ReadonlySet<string> | "unknown" {
    if (this.#up === undefined) return "unknown";
    let holders = this.#holders.get(member);
    if (holders === undefined) {
      const found = climb(this.#subject, member, this.#up);
      holders = found === undefined || found === tooMany ? "unknown" : found;
      this.#holders.set(member, holders);
    }
    return holders;
  }
}
