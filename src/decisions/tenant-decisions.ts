import { createHash } from "node:crypto";
import { exactText } from "../evaluation/memo.js";
import { memberKey, subjectKey } from "../evaluation/reads.js";
import type { Context } from "../model/context.js";
import type { Schema } from "../model/schema/schema.js";
import type { Revision, TenantId } from "../model/zookie.js";
import { LiveDecision, type Asked } from "./live-decision.js";
import type { LiveLookup } from "./live-lookup.js";
import { LookupRanges } from "./lookup-ranges.js";
import { ReachIndex } from "./reach-index.js";

/** One tenant's live decisions. Who asks the same shares one. */
export class TenantDecisions {
  readonly tenant: TenantId;
  readonly index = new ReachIndex();
  readonly lookups = new Set<LiveLookup>();
  /** What these follow. */
  readonly ranges = new LookupRanges();
  /** The one in force, with the commit that wrote it; undefined before the first evaluation. */
  schema: { readonly schema: Schema; readonly revision: Revision } | undefined = undefined;
  /** Evaluations under way, which have noted keys that nobody watches yet. */
  evaluating = 0;
  readonly #byName = new Map<string, LiveDecision>();

  constructor(tenant: TenantId) {
    this.tenant = tenant;
  }

  get size(): number {
    return this.#byName.size;
  }

  get all(): IterableIterator<LiveDecision> {
    return this.#byName.values();
  }

  /** The one that stands, or a new one, which is due. */
  of(asked: Asked): LiveDecision {
    const name = nameOf(asked);
    let decision = this.#byName.get(name);
    if (decision === undefined) {
      decision = new LiveDecision(name, asked, subjectKey(asked.subject));
      this.#byName.set(name, decision);
    }
    return decision;
  }

  /** The one of this name, where somebody holds it. */
  named(name: string): LiveDecision | undefined {
    return this.#byName.get(name);
  }

  /** Nobody holds it any more. */
  drop(decision: LiveDecision): void {
    if (this.#byName.get(decision.name) !== decision) return;
    this.#byName.delete(decision.name);
    this.index.drop(decision);
  }

  isKept(decision: LiveDecision): boolean {
    return this.#byName.get(decision.name) === decision;
  }
}

/** What all who ask the same have in common. */
export function nameOf(asked: Asked): string {
  return `${memberKey(asked.object, asked.permission)}@${subjectKey(asked.subject)} ${contextText(asked)}`;
}

/** Longer texts are known by their hash. */
const hashedFrom = 128;
/** A named context is that of thousands of holds. */
const texts = new WeakMap<Context, string>();

/** Contexts that differ in the order of their fields alone are the same. */
function contextText({ context }: Asked): string {
  if (context === undefined || Object.keys(context).length === 0) return "";
  let text = texts.get(context);
  if (text === undefined) {
    text = exactText(Object.fromEntries(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));
    if (text.length > hashedFrom) text = createHash("sha256").update(text).digest("base64url");
    texts.set(context, text);
  }
  return text;
}
