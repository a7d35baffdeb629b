import { setImmediate } from "node:timers/promises";
import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Range } from "../evaluation/lookup/range.js";
import { Following } from "./following.js";
import type { LiveLookup } from "./live-lookup.js";
import type { LookupRanges } from "./lookup-ranges.js";
import type { LivePort } from "./port.js";

/** Candidates taken before others run. */
const candidatesAtOnce = 250;

/** What does not pass by itself. */
const refusing: ReadonlySet<string> = new Set(["evaluation_too_large", "schema_missing", "overloaded"]);

/** What the loop asks of whoever keeps the lookups. */
export interface LookupKeeper {
  ranges(lookup: LiveLookup): LookupRanges;
  /** Whether it is to be followed still. */
  isKept(lookup: LiveLookup): boolean;
  /** All candidates are known: those that are none any more may go. */
  prune(lookup: LiveLookup): void;
  /** Holds candidates. @throws `overloaded` */
  take(lookup: LiveLookup, ids: readonly string[]): void;
  /** Everything has been followed, and every candidate is held. */
  settle(lookup: LiveLookup): void;
  refuse(lookup: LiveLookup, why: UsherError): void;
  /** It is to be begun anew. */
  reset(lookup: LiveLookup): void;
}

/** Follows the tuples of lookups that are due, a few lookups at once, and has their candidates held. */
export class LookupLoop {
  readonly #port: LivePort;
  readonly #keeper: LookupKeeper;
  readonly #waiting = new Set<LiveLookup>();
  #running = 0;
  #stopped = false;

  constructor(port: LivePort, keeper: LookupKeeper) {
    this.#port = port;
    this.#keeper = keeper;
  }

  /** Its turn will come. */
  queue(lookup: LiveLookup): void {
    if (this.#stopped || lookup.running) return;
    this.#waiting.add(lookup);
    queueMicrotask(() => this.#start());
  }

  forget(lookup: LiveLookup): void {
    this.#waiting.delete(lookup);
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
  }

  #start(): void {
    for (const lookup of this.#waiting) {
      if (this.#running >= limits.liveLookupsAtOnceMax) return;
      this.#waiting.delete(lookup);
      this.#running++;
      lookup.running = true;
      void this.#run(lookup).finally(() => {
        this.#running--;
        if (!this.#stopped) this.#start();
      });
    }
  }

  async #run(lookup: LiveLookup): Promise<void> {
    try {
      while (!this.#stopped && lookup.due && this.#keeper.isKept(lookup)) {
        if (lookup.following === undefined) await this.#begin(lookup);
        else await this.#follow(lookup, lookup.following);
      }
      // In the tick in which it was found to be done: what makes it due from now on has it queued.
      lookup.running = false;
    } catch (error) {
      lookup.running = false;
      if (this.#keeper.isKept(lookup)) this.#failed(lookup, error);
    }
  }

  /** Under the schema in force. A commit that sets another has it begun anew, also where it comes while the schema is being read. */
  async #begin(lookup: LiveLookup): Promise<void> {
    const { store } = this.#port;
    const { begun } = lookup;
    const snapshot = store.snapshot();
    let schema;
    try {
      ({ schema } = await this.#port.schemaAt(snapshot, lookup.stream.tenant));
    } finally {
      snapshot.release();
    }
    if (lookup.begun !== begun || !this.#keeper.isKept(lookup)) return;
    try {
      // An id of any kind: whether the schema has what is asked about.
      this.#port.validate(lookup.askedAbout("any"), schema);
    } catch (error) {
      if (!(error instanceof UsherError)) throw error;
      this.#keeper.refuse(lookup, error);
      return;
    }
    lookup.following = new Following(lookup.what, schema);
  }

  /** A step: reads what is to be followed next, or holds what was found, or is done. */
  async #follow(lookup: LiveLookup, following: Following): Promise<void> {
    const ranges = following.next();
    // Before the snapshot is taken.
    for (const range of ranges) this.#keeper.ranges(lookup).add(lookup, range);
    if (ranges.length > 0) await this.#read(lookup, following, ranges);
    else if (following.enumeration.waiting) await setImmediate();
    if (lookup.following !== following || !this.#keeper.isKept(lookup)) return;
    if (following.isTooLarge) {
      // Of what there was some may have gone.
      if (following.isWhole) this.#keeper.reset(lookup);
      else this.#keeper.refuse(lookup, tooLarge());
      return;
    }
    if (following.enumeration.waiting) return;
    if (!following.isWhole) {
      following.isWhole = true;
      this.#keeper.prune(lookup);
    }
    this.#keeper.take(lookup, following.fresh.splice(0, candidatesAtOnce));
    if (following.fresh.length > 0) await setImmediate();
    else if (lookup.following === following && !following.hasNews) this.#keeper.settle(lookup);
  }

  async #read(lookup: LiveLookup, following: Following, ranges: readonly Range[]): Promise<void> {
    const { store } = this.#port;
    const { tenant } = lookup.stream;
    const snapshot = store.snapshot();
    try {
      const ground = { schema: following.schema, snapshot, tenant, now: Math.max(store.clock.now(), snapshot.instant) };
      await following.read(ranges, ground, () => lookup.following === following);
    } finally {
      snapshot.release();
    }
  }

  /** It cannot be had, or not now: then nothing is complete meanwhile, so that no lease is given, and what is held lapses. */
  #failed(lookup: LiveLookup, thrown: unknown): void {
    if (thrown instanceof UsherError && thrown.code !== "internal" && !refusing.has(thrown.code)) {
      this.#keeper.reset(lookup);
      setTimeout(() => this.queue(lookup), limits.liveRetryMs).unref();
      return;
    }
    const error = asError(thrown);
    if (!(error instanceof UsherError) || error.code === "internal") this.#port.report(error);
    this.#keeper.refuse(lookup, error instanceof UsherError ? error : new UsherError("internal", "the lookup could not be followed", { cause: error }));
  }
}

function tooLarge(): UsherError {
  return new UsherError(
    "evaluation_too_large",
    `the lookup has more than ${limits.liveLookupCandidatesMax} candidates, or comes by more than ${limits.liveLookupStepsMax} tuples, usersets and objects (\`liveLookupCandidatesMax\`, \`liveLookupStepsMax\`): hold something narrower, or hold the decisions that are needed`,
  );
}
