import { limits } from "../base/limits.js";
import { Reachability } from "../evaluation/reachability.js";
import type { Ground } from "../evaluation/evaluate.js";
import { Lists } from "../evaluation/lookup/lists.js";
import { Ascent } from "../evaluation/lookup/object-candidates.js";
import type { Enumeration, EnumerationListener, Range } from "../evaluation/lookup/range.js";
import { Descent } from "../evaluation/lookup/subject-candidates.js";
import type { HeldLookup } from "../model/live.js";
import type { Schema } from "../model/schema/schema.js";
import type { Few } from "./few.js";
import type { Followed } from "./lookup-ranges.js";

/** Ranges read from one snapshot, and members looked at for them, before others run. */
const rangesAtOnce = 64;
const membersAtOnce = 1_000;

/** An enumeration of a live lookup's candidates under one schema, which goes on as tuples are written. */
export class Following {
  readonly schema: Schema;
  readonly enumeration: Enumeration;
  /** Candidates that are not held yet. */
  readonly fresh: string[] = [];
  /** Where its ranges are registered, so that it can be taken out. */
  readonly places: { readonly sets: Map<string, Few<Followed>>; readonly key: string; readonly followed: Followed }[] = [];
  /** All there was has been followed once: what is more has come since, and some of what there was may have gone. */
  isWhole = false;
  #steps = 0;

  constructor(what: HeldLookup, schema: Schema) {
    this.schema = schema;
    const listener: EnumerationListener = { count: (more) => (this.#steps += more), found: (id) => this.fresh.push(id) };
    const reachability = Reachability.of(schema);
    const { permission } = what;
    this.enumeration = what.kind === "objects"
      ? new Ascent({ type: what.type, permission, subject: what.subject }, reachability, listener)
      : new Descent({ object: what.object, permission, wanted: { type: what.subjectType, relation: what.subjectRelation ?? "" } }, reachability, listener);
  }

  /** Whether there are tuples to follow, or candidates to hold. */
  get hasNews(): boolean {
    return this.enumeration.waiting || this.fresh.length > 0;
  }

  get isTooLarge(): boolean {
    return this.enumeration.ids.size > limits.liveLookupCandidatesMax || this.#steps > limits.liveLookupStepsMax;
  }

  /** What is to be read next, all of it; none: nothing waits, or what was come by has no ranges. */
  next(): Range[] {
    const found: Range[] = [];
    for (let members = 0; members < membersAtOnce && found.length < rangesAtOnce; members++) {
      const ranges = this.enumeration.next();
      if (ranges === undefined) break;
      found.push(...ranges);
    }
    return found;
  }

  /**
   * Follows the tuples of ranges, a page of the store at a time.
   * @param isWanted whether to go on, after each range
   * @throws `evaluation_too_large`, and what the snapshot throws
   */
  async read(ranges: readonly Range[], ground: Ground, isWanted: () => boolean): Promise<void> {
    const lists = new Lists(ground, [], undefined, limits.liveLookupStepsMax);
    for (const { filter, visit } of ranges) {
      await lists.forEach(filter, visit);
      if (this.isTooLarge || !isWanted()) return;
    }
  }
}
