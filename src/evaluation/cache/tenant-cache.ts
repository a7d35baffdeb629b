import type { Instant } from "../../base/clock.js";
import { limits } from "../../base/limits.js";
import type { Schema } from "../../model/schema/schema.js";
import type { Revision } from "../../model/zookie.js";
import type { Commit } from "../../storage/store.js";
import { memberKey, subjectKey, upKey, type ListKind } from "../reads.js";
import type { Budget } from "./budget.js";
import { Generations } from "./generations.js";
import { bytesOf, Leaf, type ListLeaf } from "./leaf.js";
import { changed, Lists } from "./lists.js";
import { SubjectView } from "./subject-view.js";

/**
 * What memory holds of one tenant's newest state: exactly what was asked for, exactly as it stands at `revision`, because every
 * commit is applied in its order before anybody is told of it. Results are of one schema; another one begins with none.
 */
export class TenantCache {
  readonly #budget: Budget;
  readonly #subjects: Generations<SubjectView>;
  readonly #lists: Generations<Lists>;
  readonly #ups: Generations<ListLeaf>;
  #revision: Revision;
  #instant: Instant;
  #schema: Schema | undefined;
  readonly #era = { count: 0 };

  constructor(budget: Budget, { revision, instant }: { readonly revision: Revision; readonly instant: Instant }) {
    this.#budget = budget;
    this.#subjects = new Generations(budget);
    this.#lists = new Generations(budget);
    this.#ups = new Generations(budget);
    this.#revision = revision;
    this.#instant = instant;
  }

  /** The last commit of the tenant that was applied, or head when the cache began. */
  get revision(): Revision {
    return this.#revision;
  }

  /**
   * The instant of a pass of a request that arrived at `now`: no earlier than any commit or pass before it. Results are looked at again at
   * later instants alone: one that was made older than it was would seem the same to whoever rests on it, and might not be.
   */
  pass(now: Instant): Instant {
    return (this.#instant = Math.max(this.#instant, now));
  }

  /** Forgets the results of another schema. */
  adopt(schema: Schema): void {
    if (this.#schema === schema) return;
    this.#schema = schema;
    this.#era.count++;
  }

  /** @param key as `subjectKey` makes it */
  subject(key: string): SubjectView {
    const known = this.#subjects.get(key);
    if (known !== undefined) return known;
    const view = new SubjectView(this.#budget, this.#era);
    this.#subjects.set(key, view);
    return view;
  }

  /** What is known of the subject now; a walk is over before it can be forgotten, but what is found out must keep it: see `subject`. */
  peekSubject(key: string): SubjectView | undefined {
    return this.#subjects.peek(key);
  }

  list(key: string, kind: ListKind): ListLeaf {
    const known = this.#lists.get(key);
    if (known !== undefined) return known.of(kind);
    const lists = new Lists();
    this.#lists.set(key, lists);
    return lists.of(kind);
  }

  /** The tuples of one type and relation that name a subject. @param key as `upKey` makes it */
  up(key: string): ListLeaf {
    const known = this.#ups.get(key);
    if (known !== undefined) return known;
    const leaf: ListLeaf = new Leaf();
    this.#ups.set(key, leaf);
    return leaf;
  }

  /** Applies a commit of the tenant, the next one. */
  apply({ revision, instant, changes }: Commit): void {
    this.#revision = revision;
    this.#instant = Math.max(this.#instant, instant);
    for (const { kind, tuple } of changes) {
      const key = memberKey(tuple.object, tuple.relation);
      const written = kind === "write";
      const subject = subjectKey(tuple.subject);
      this.#subjects.peek(subject)?.change(key, written ? { ...tuple, since: revision } : null, revision);
      const lists = this.#lists.peek(key);
      lists?.change(tuple, written, revision);
      const up = this.#ups.peek(upKey(subject, tuple.object.type, tuple.relation));
      up?.change(changed(up.value, tuple, written, limits.holdersMax), revision);
      if (written && (lists !== undefined || up !== undefined)) this.#budget.charge(bytesOf(tuple));
    }
  }

  /** Forgets what the epochs that have ended leave behind, though nobody asks for anything. */
  turn(): void {
    this.#subjects.turn();
    this.#lists.turn();
    this.#ups.turn();
  }
}
