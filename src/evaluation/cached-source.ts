import type { Context } from "../model/context.js";
import type { SubjectRef } from "../model/subject.js";
import type { Revision } from "../model/zookie.js";
import type { Standing } from "./cache/result.js";
import type { TenantCache } from "./cache/tenant-cache.js";
import { CachedReads, type Footprint } from "./cached-reads.js";
import type { HeadGround } from "./evaluate.js";
import { PrivateMemo, SharedMemo, type Memo } from "./memo.js";
import { ReachedReads, type Reach, type UpReads } from "./reach.js";
import { subjectKey, type Reads } from "./reads.js";
import { Solutions } from "./solutions.js";
import type { Source } from "./source.js";
import { Wants } from "./wants.js";

interface Group {
  readonly key: string;
  readonly reads: CachedReads;
  readonly memo: Memo;
  readonly solutions: Solutions;
}

/** For reads whose keys are noted by others. */
const unnoted: Footprint = { note: () => undefined, noteSubject: () => undefined };

/**
 * The relation cache, at whichever revision is head when a pass begins: a pass is walked in one go, so that no commit comes
 * between. What earlier passes found out is believed as far as its footprint has not been touched since.
 */
export class CachedSource implements Source {
  readonly at: Standing;
  readonly #ground: HeadGround;
  readonly #wants: Wants;
  readonly #groups: Group[] = [];
  readonly #reach: Reach | undefined;
  #relations: TenantCache;
  #epoch: number;
  #revision: Revision;

  /** @param reach where the keys are noted that are read; then nothing that was found out is shared with others, whose footprints do not say them */
  constructor(ground: HeadGround, reach?: Reach) {
    const { cache, tenant } = ground;
    this.#ground = ground;
    this.#reach = reach;
    this.#wants = new Wants(cache, tenant, reach !== undefined);
    this.#relations = cache.tenant(tenant);
    this.#epoch = cache.budget.epoch;
    this.#revision = cache.revision;
    this.at = { revision: this.#relations.revision, now: ground.now };
  }

  /** The store's, of which the last pass was walked; `at` has the tenant's last commit before it. */
  get revision(): Revision {
    return this.#revision;
  }

  get loaded(): number {
    return this.#wants.loaded;
  }

  get wanting(): boolean {
    return this.#wants.wanting;
  }

  begin(): boolean {
    const { cache, tenant, schema, schemaRevision } = this.#ground;
    cache.turn();
    const relations = cache.tenant(tenant);
    if (this.#wants.thwarted || cache.schemaAt(tenant) > schemaRevision) return false;
    relations.adopt(schema);
    // What was found out rests on leaves that nobody tells of commits any more.
    if (relations !== this.#relations || cache.budget.epoch !== this.#epoch) for (const { solutions } of this.#groups) solutions.forget();
    this.#relations = relations;
    this.#epoch = cache.budget.epoch;
    this.#revision = cache.revision;
    this.at.revision = relations.revision;
    this.at.now = relations.pass(this.at.now);
    for (const group of this.#groups) this.#beginGroup(group);
    return true;
  }

  group(subject: SubjectRef, context: Context, shared: boolean): { solutions: Solutions; reads: Reads } {
    const { cache, schema } = this.#ground;
    const { depthMax } = schema.dialect;
    const reach = this.#reach;
    const memo = shared && reach === undefined ? new SharedMemo(context, depthMax, cache.counts) : new PrivateMemo(depthMax);
    const solutions = new Solutions(depthMax, this.at, memo);
    const reads = new CachedReads(cache.counts, this.#wants, subject, reach === undefined ? solutions : unnoted);
    this.#groups.push({ key: subjectKey(subject), reads, memo, solutions });
    if (reach === undefined) return { solutions, reads };
    const up: UpReads = (key, who, rung) => reads.up(key, who, rung, []);
    return { solutions, reads: new ReachedReads({ subject, reach, footprint: solutions, below: reads, up, revision: () => this.at.revision }) };
  }

  async load(signal?: AbortSignal): Promise<void> {
    const snapshot = this.#ground.newest();
    try {
      await this.#wants.load(snapshot, signal);
    } finally {
      snapshot.release();
    }
  }

  #beginGroup({ key, reads, memo }: Group): void {
    const view = this.#relations.subject(key);
    reads.begin(this.#relations, view);
    if (memo instanceof SharedMemo) memo.begin(view);
  }
}
