import { limits } from "../base/limits.js";
import { Reachability } from "../evaluation/reachability.js";
import { Ascent } from "../evaluation/lookup/object-candidates.js";
import type { Enumeration, EnumerationListener } from "../evaluation/lookup/range.js";
import { Descent } from "../evaluation/lookup/subject-candidates.js";
import type { HeldLookup } from "../model/live.js";
import type { Schema } from "../model/schema/schema.js";
import type { Few } from "./few.js";
import type { Followed } from "./lookup-ranges.js";

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
}
