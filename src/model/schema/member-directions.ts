import { unreachable } from "../../base/assert.js";
import { formatAllowedSubject } from "./alternative.js";
import type { DiffBudget } from "./budget.js";
import { compareRewrites } from "./compare-rewrites.js";
import { changeOfCondition } from "./condition-change.js";
import { directionOf, join, type Direction } from "./direction.js";
import { forEachLeaf, sizeOf, type Leaf } from "./leaf.js";
import { MemberGraph, memberKey, targetTypes, type MemberKey } from "./member-graph.js";
import type { Rewrite } from "./rewrite.js";
import { formatRewrite } from "./rewrite-text.js";
import type { AllowedSubject, Permission, Relation, Schema } from "./schema.js";

type Member = Relation | Permission;

/** What it costs to look at one thing that a member uses, in the bits that a truth table would take that long for. */
const useCost = 5_000;

/**
 * How every relation and permission stands to itself under another schema: of all tuples, whatever they are, each schema
 * counts those that its relations allow.
 *
 * Where members use each other in circles, nothing can be said of the one before the other. So each is taken to be the
 * same at first, and moves as its text and the directions of what it uses demand, until no more do. That is sound: usersets
 * are built up from nothing in steps, and where a member is defined by its own absence, from everything unknown; at the first
 * step all directions hold, since both schemas begin alike, and each step keeps those that the step before had.
 */
export class MemberDirections {
  readonly #from: Schema;
  readonly #to: Schema;
  readonly #budget: DiffBudget;
  readonly #graph: MemberGraph;
  readonly #directions = new Map<MemberKey, Direction>();
  readonly #tuples = new Map<MemberKey, Direction>();
  readonly #targets = new Map<MemberKey, readonly string[]>();

  constructor(from: Schema, to: Schema, budget: DiffBudget) {
    this.#from = from;
    this.#to = to;
    this.#budget = budget;
    this.#graph = new MemberGraph([from, to]);
    this.#settle();
  }

  /** Of a member that one schema at least has; one that neither has is the same empty set. */
  of(type: string, member: string): Direction {
    return this.#directions.get(memberKey(type, member)) ?? "same";
  }

  /** How the relation's own tuples stand, leaving aside what is in the usersets that they name. */
  ofTuples(type: string, relation: string): Direction {
    const key = memberKey(type, relation);
    const direction = this.#tuples.get(key) ?? this.#compareTuples(type, relation);
    this.#tuples.set(key, direction);
    return direction;
  }

  /** The conditions that both versions of a relation use, and that mean something else now. */
  changedConditions(from: Relation, to: Relation): string[] {
    const names = shared(from, to).flatMap(({ condition }) => condition ?? []);
    return [...new Set(names)].filter((name) => {
      const [before, after] = [this.#from.conditions.get(name), this.#to.conditions.get(name)];
      return before !== undefined && after !== undefined && changeOfCondition(before, after)?.kind === "changed";
    });
  }

  /** How the permission would stand if all that it uses were the same. */
  ofText(from: Permission, to: Permission): Direction {
    return compareRewrites(from.rewrite, to.rewrite, () => "same", this.#budget);
  }

  /** What a member uses, directly, that is not the same: relations, permissions and conditions, sorted. */
  causes(type: string, from: Member, to: Member): string[] {
    const found = new Set<string>();
    const note = (ofType: string, member: string, direction: Direction) => {
      const key = memberKey(ofType, member);
      if (direction !== "same" && key !== memberKey(type, from.name)) found.add(key);
    };
    if (from.kind === "relation" && to.kind === "relation") {
      for (const name of this.changedConditions(from, to)) found.add(name);
      for (const subject of usersets(shared(from, to))) note(subject.type, subject.relation, this.of(subject.type, subject.relation));
    }
    for (const member of [from, to]) {
      if (member.kind !== "permission") continue;
      forEachLeaf(member.rewrite, (leaf) => {
        if (leaf.kind === "computed") note(type, leaf.name, this.of(type, leaf.name));
        if (leaf.kind !== "arrow") return;
        note(type, leaf.tupleset, this.ofTuples(type, leaf.tupleset));
        for (const target of this.#sharedTargets(type, leaf.tupleset)) note(target, leaf.permission, this.of(target, leaf.permission));
      });
    }
    return [...found].sort();
  }

  /** Each member moves at most twice, from `same` to one way to `changed`, and moves none but those that use it. */
  #settle(): void {
    const waiting = new Set<MemberKey>();
    const compared = new Map<MemberKey, () => Direction>();
    for (const type of new Set([...this.#from.definitions.keys(), ...this.#to.definitions.keys()])) {
      const [before, after] = [this.#from, this.#to].map((schema) => schema.definitions.get(type)?.members);
      for (const name of new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])) {
        const [from, to, key] = [before?.get(name), after?.get(name), memberKey(type, name)];
        if (from !== undefined && to !== undefined) compared.set(key, () => this.#compare(type, from, to));
        else this.#directions.set(key, from === undefined ? "widened" : "narrowed");
        if (from !== undefined && to !== undefined) waiting.add(key);
      }
    }
    for (const key of waiting) {
      waiting.delete(key);
      const before = this.#directions.get(key) ?? "same";
      if (before === "changed") continue;
      const direction = join(before, compared.get(key)?.() ?? before);
      if (direction === before) continue;
      this.#directions.set(key, direction);
      for (const user of this.#graph.usersOf(key)) if (compared.has(user)) waiting.add(user);
    }
  }

  #compare(type: string, from: Member, to: Member): Direction {
    if (from.kind !== to.kind) return "changed";
    if (from.kind === "relation" && to.kind === "relation") return this.#relation(type, from, to);
    if (from.kind !== "permission" || to.kind !== "permission") return "changed";
    if (formatRewrite(from.rewrite) === formatRewrite(to.rewrite) && this.#leavesSame(type, from.rewrite)) return "same";
    return compareRewrites(from.rewrite, to.rewrite, (leaf) => this.#leaf(type, leaf), this.#budget);
  }

  #relation(type: string, from: Relation, to: Relation): Direction {
    if (!this.#budget.spend(from.subjects.length * useCost)) return "changed";
    return usersets(shared(from, to)).reduce((direction, subject) => join(direction, this.of(subject.type, subject.relation)), this.ofTuples(type, from.name));
  }

  #leavesSame(type: string, rewrite: Rewrite): boolean {
    let same = true;
    if (!this.#budget.spend(sizeOf(rewrite) * useCost)) return false;
    forEachLeaf(rewrite, (leaf) => {
      same &&= this.#leaf(type, leaf) === "same";
    });
    return same;
  }

  #compareTuples(type: string, relation: string): Direction {
    const [from, to] = [this.#from.definitions.get(type)?.members.get(relation), this.#to.definitions.get(type)?.members.get(relation)];
    if (from?.kind !== "relation" || to?.kind !== "relation") return "changed";
    const [before, after] = [alternatives(from), alternatives(to)];
    const allowed = directionOf([...before.keys()].every((text) => after.has(text)), [...after.keys()].every((text) => before.has(text)));
    return this.changedConditions(from, to).length > 0 ? "changed" : allowed;
  }

  /** An arrow gains with each permission that it leads to. `any` gains with its tuples too; for `all` a tuple more may be one that denies. */
  #leaf(type: string, leaf: Leaf): Direction {
    switch (leaf.kind) {
      case "self":
        return "same";
      case "computed":
        return this.of(type, leaf.name);
      case "arrow": {
        const tuples = this.ofTuples(type, leaf.tupleset);
        const targets = this.#sharedTargets(type, leaf.tupleset);
        if (!this.#budget.spend(targets.length * useCost)) return "changed";
        const start: Direction = leaf.quantifier === "all" && tuples !== "same" ? "changed" : tuples;
        return targets.reduce<Direction>((direction, target) => join(direction, this.of(target, leaf.permission)), start);
      }
      default:
        return unreachable(leaf);
    }
  }

  /** Where only one schema lets an arrow lead, the direction of its tuples says all. */
  #sharedTargets(type: string, tupleset: string): readonly string[] {
    const key = memberKey(type, tupleset);
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const after = targetTypes(this.#to, type, tupleset);
    const targets = [...targetTypes(this.#from, type, tupleset)].filter((target) => after.has(target));
    this.#targets.set(key, targets);
    return targets;
  }
}

function alternatives(relation: Relation): ReadonlyMap<string, AllowedSubject> {
  return new Map(relation.subjects.map((subject) => [formatAllowedSubject(subject), subject]));
}

/** The alternatives that both versions of a relation have. */
function shared(from: Relation, to: Relation): AllowedSubject[] {
  const after = alternatives(to);
  return from.subjects.filter((subject) => after.has(formatAllowedSubject(subject)));
}

function usersets(subjects: readonly AllowedSubject[]): AllowedSubject[] {
  return subjects.filter(({ relation }) => relation !== "");
}
