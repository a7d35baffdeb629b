import { limits } from "../../base/limits.js";
import type { StoredTuple } from "../../model/tuple.js";
import type { Revision } from "../../model/zookie.js";
import type { Member } from "../plan.js";
import { memberKey } from "../reads.js";
import type { Budget } from "./budget.js";
import { Generations, type Weighed } from "./generations.js";
import type { Holders } from "./holders.js";
import { conditionBytes, Leaf, type Ground, type ProbeLeaf } from "./leaf.js";
import type { FieldsRead, Result } from "./result.js";

/** Of a view; of a result with its entry in a map, and of what it rests on. The text of a key is counted on top. Measured on Node.js 20. */
const viewBytes = 420;
const resultBytes = 320;
const groundBytes = 8;
const allTupleBytes = 400;
const idBytes = 60;

/** How many answers under different context values are kept of one subproblem. */
const variantsMax = 4;

/** After so many keys were asked for one by one, it is cheaper to load all tuples that name the subject: most are named by few. */
const probesUntilAll = 16;

/** Which schema results are of. */
export interface Era {
  /** Counts the schemas that were adopted. */
  readonly count: number;
}

/**
 * What is known about one subject (or one wildcard): which tuples name it, and what walks about it came to. A check is about one
 * subject throughout, so that it looks here by `document:1#viewer` alone.
 *
 * Results stay for the epoch and the schema under which they were made. So whatever they rest on, which was read in that epoch, is still there
 * to be told of commits for as long as they are believed.
 */
export class SubjectView implements Ground, Weighed {
  readonly #budget: Budget;
  readonly #era: Era;
  /** Made when they are first needed, as there are very many views. */
  #probes: Generations<ProbeLeaf> | undefined;
  #results: Map<string, Result | Result[]> | undefined;
  #holders: Map<Member, Holders> | undefined;
  #epoch: number;
  #count: number;
  /** Every tuple that names the subject, once loaded, by object and relation. */
  #all: Map<string, StoredTuple> | undefined;
  #allBytes = 0;
  /** They are more than this: as far as was found, or -1. */
  #moreThan = -1;
  #unknown = 0;
  #touchedAt: Revision = 0;
  /** Resolves, whatever comes of it, when a load of all that is under way has ended. */
  loading: Promise<void> | undefined = undefined;

  constructor(budget: Budget, era: Era) {
    this.#budget = budget;
    this.#era = era;
    this.#epoch = budget.epoch;
    this.#count = era.count;
  }

  get bytes(): number {
    return viewBytes + this.#allBytes;
  }

  /**
   * Up to how many tuples that name the subject should be loaded, all of them, rather than one more key; 0: the key alone.
   * @param soon it is about to be asked for many keys: then all are loaded at once where they are few
   */
  wantsAll(soon: boolean): number {
    if (this.#all !== undefined) return 0;
    if (soon && this.#moreThan < limits.subjectTuplesFewMax) return limits.subjectTuplesFewMax;
    return this.#unknown >= probesUntilAll && this.#moreThan < limits.subjectTuplesMax ? limits.subjectTuplesMax : 0;
  }

  /** The last commit that touched a tuple of the subject: of what rests on all of them. */
  get changedAt(): Revision {
    return this.#touchedAt;
  }

  /** The subject's own tuple under the key, or null, where all are known. */
  known(key: string): StoredTuple | null | undefined {
    return this.#all === undefined ? undefined : (this.#all.get(key) ?? null);
  }

  /** What was asked for before under the key, if it was. */
  asked(key: string): ProbeLeaf | undefined {
    return this.#probes?.get(key);
  }

  /** Whether the subject's own tuple stands under the key; not loaded when it is new. */
  probe(key: string): ProbeLeaf {
    const probes = (this.#probes ??= new Generations(this.#budget));
    let leaf = probes.get(key);
    if (leaf === undefined) {
      leaf = new Leaf();
      probes.set(key, leaf);
      this.#unknown++;
    }
    return leaf;
  }

  /** All tuples that name the subject, or undefined where they are more than `max`, as of a snapshot. True if it was taken: no later commit touched any. */
  fill(tuples: readonly StoredTuple[] | undefined, revision: Revision, max: number): boolean {
    if (this.#touchedAt > revision) return false;
    this.#moreThan = tuples === undefined ? max : -1;
    if (tuples === undefined) return true;
    this.#all = new Map(tuples.map((tuple) => [memberKey(tuple.object, tuple.relation), tuple]));
    this.#allBytes = tuples.reduce((sum, tuple) => sum + bytesOfAll(tuple), 0);
    this.#budget.charge(this.#allBytes);
    return true;
  }

  /** What a commit made of the subject's tuple under the key. */
  change(key: string, tuple: StoredTuple | null, revision: Revision): void {
    this.#touchedAt = revision;
    const leaf = this.#probes?.peek(key);
    leaf?.change(tuple, revision);
    if (leaf !== undefined && tuple !== null) this.#budget.charge(leaf.bytes);
    if (this.#all !== undefined) this.#changeAll(this.#all, key, tuple);
  }

  #changeAll(all: Map<string, StoredTuple>, key: string, tuple: StoredTuple | null): void {
    const before = all.get(key);
    if (before !== undefined) this.#allBytes -= bytesOfAll(before);
    if (tuple === null) all.delete(key);
    else {
      all.set(key, tuple);
      this.#allBytes += bytesOfAll(tuple);
      this.#budget.charge(bytesOfAll(tuple));
    }
    if (all.size <= 2 * limits.subjectTuplesMax) return;
    this.#all = undefined;
    this.#allBytes = 0;
    this.#moreThan = limits.subjectTuplesMax;
  }

  /** Its tuples of one type and relation, where all are known. */
  knownOf(type: string, relation: string): StoredTuple[] | undefined {
    if (this.#all === undefined) return undefined;
    return [...this.#all.values()].filter(({ object, relation: other }) => object.type === type && other === relation);
  }

  /** Which objects were found to hold the subject, whether or not that is so still. */
  holders(member: Member): Holders | undefined {
    this.#turn();
    return this.#holders?.get(member);
  }

  keepHolders(member: Member, holders: Holders): void {
    this.#turn();
    (this.#holders ??= new Map()).set(member, holders);
    this.#budget.charge(resultBytes + groundBytes * holders.footprint.length + idBytes * (holders.ids?.size ?? 0));
  }

  /** What a walk came to that read these fields of the context, whether or not it still holds. */
  result(key: string, fits: (fields: FieldsRead) => boolean): Result | undefined {
    this.#turn();
    const known = this.#results?.get(key);
    if (known === undefined) return undefined;
    if (!Array.isArray(known)) return fitting(known, fits);
    return known.find((result) => fitting(result, fits) !== undefined);
  }

  /** @param grounds how long the footprint is, unless it is shared with a result that was charged with it */
  keep(key: string, result: Result, grounds: number): void {
    this.#turn();
    const results = (this.#results ??= new Map<string, Result | Result[]>());
    const known = results.get(key);
    if (known === undefined) results.set(key, result);
    else results.set(key, [result, ...(Array.isArray(known) ? known : [known])].slice(0, variantsMax));
    this.#budget.charge(resultBytes + 2 * key.length + groundBytes * grounds + fieldBytes(result.fields));
  }

  #turn(): void {
    if (this.#epoch === this.#budget.epoch && this.#count === this.#era.count) return;
    this.#probes?.turn();
    this.#results = undefined;
    this.#holders = undefined;
    this.#epoch = this.#budget.epoch;
    this.#count = this.#era.count;
  }
}

function bytesOfAll(tuple: StoredTuple): number {
  return allTupleBytes + conditionBytes(tuple);
}

/** The values are texts of the request's context, which may be long. */
function fieldBytes(fields: FieldsRead | undefined): number {
  return fields === undefined ? 0 : fields.values.reduce((sum, value) => sum + idBytes + 2 * value.length, 0);
}

function fitting(result: Result, fits: (fields: FieldsRead) => boolean): Result | undefined {
  const { fields } = result;
  return fields === undefined || fits(fields) ? result : undefined;
}

