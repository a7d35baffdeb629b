import type { Context } from "../../src/model/context.js";
import type { ObjectRef } from "../../src/model/object.js";
import type { Rewrite } from "../../src/model/schema/rewrite.js";
import type { Schema } from "../../src/model/schema/schema.js";
import type { SubjectRef } from "../../src/model/subject.js";
import type { Tuple } from "../../src/model/tuple.js";

/**
 * The oracle: who may do what, worked out as naively as it can be said. For one subject it writes down one
 * equation for every object and member, and solves them all by brute repetition: no memo, no short cut, no
 * order of evaluation, and no code in common with `src/` but the model's types.
 *
 * Values: F denied, T allowed, and between them the unknown: C conditional, U undecided, U where both meet. A union
 * takes the greatest, an intersection the least, `not` swaps F and T. References under the right side of an exclusion read the previous solution, at
 * first U everywhere; the others rise from F to the least fixed point. Solutions are repeated until one repeats
 * itself: what is then U depends on its own absence. What no subject of the kind can have, whatever the tuples, is F from the start.
 */
export type Verdict = { value: "F" | "U" | "T" } | { value: "C"; missing: string[] };

/** What the test's conditions mean, by name; undefined parameters are missing. */
export type ConditionMeaning = (name: string, context: Context) => Verdict;

interface World {
  readonly schema: Schema;
  readonly tuples: readonly Tuple[];
  readonly subject: SubjectRef;
  readonly context: Context;
  readonly now: number;
  readonly meaning: ConditionMeaning;
}

type Solution = Map<string, Verdict>;

const F: Verdict = { value: "F" };
const U: Verdict = { value: "U" };
const T: Verdict = { value: "T" };
const order = { F: 0, C: 1, U: 1, T: 2 };

/** Every verdict of the world, by `type:id#member`. */
export function solve(world: World, objects: readonly ObjectRef[]): Solution {
  const keys = objects.flatMap((object) => [...(world.schema.definitions.get(object.type)?.members.keys() ?? [])].map((member) => ({ object, member })));
  const reach = reachOf(world.schema);
  const kind = kindOf(world.subject);
  const everywhere = (verdict: Verdict): Solution => new Map(keys.map(({ object, member }) => [keyOf(object, member), verdict]));
  let negative = everywhere(U);
  for (let round = 0; round < 200; round++) {
    const step = (positive: Solution): Solution =>
      new Map(keys.map(({ object, member }) => {
        const reached = reach.has(`${object.type}#${member} ${kind}`);
        return [keyOf(object, member), reached ? evaluate(world, positive, negative, object, member) : F];
      }));
    // First which are unknown, then why: a reason that no longer applies must not live on in a cycle.
    const values = rest(everywhere(F), (positive) => bare(step(positive)));
    const positive = rest(values, step);
    if (same(negative, positive)) return positive;
    negative = positive;
  }
  throw new Error("the oracle does not come to rest over exclusions");
}

export function keyOf(object: ObjectRef, member: string): string {
  return `${object.type}:${object.id}#${member}`;
}

function evaluate(world: World, positive: Solution, negative: Solution, object: ObjectRef, member: string): Verdict {
  const { subject, schema } = world;
  if (subject.type === object.type && subject.id === object.id && subject.relation === member) return T;
  const node = schema.definitions.get(object.type)?.members.get(member);
  if (node === undefined) return F;
  if (node.kind === "permission") return rewrite(world, positive, negative, object, node.rewrite);
  return greatest(
    standing(world, object, member).map((tuple) => {
      const exact = tuple.subject.type === subject.type && tuple.subject.id === subject.id && tuple.subject.relation === subject.relation;
      const wild = tuple.subject.id === "*" && tuple.subject.type === subject.type && subject.relation === "";
      const direct = exact || wild ? T : F;
      const through = tuple.subject.relation === "" ? F : look(positive, tuple.subject, tuple.subject.relation);
      return least([condition(world, tuple), greatest([direct, through])]);
    }),
  );
}

function rewrite(world: World, positive: Solution, negative: Solution, object: ObjectRef, node: Rewrite): Verdict {
  const of = (inner: Rewrite) => rewrite(world, positive, negative, object, inner);
  switch (node.kind) {
    case "union": return greatest(node.operands.map(of));
    case "intersection": return least(node.operands.map(of));
    case "exclusion": return least([of(node.base), not(rewrite(world, negative, negative, object, node.subtracted))]);
    case "computed": return look(positive, object, node.name);
    case "self": return world.subject.type === object.type && world.subject.id === object.id && world.subject.relation === "" ? T : F;
    case "nil": return F;
    case "arrow": {
      const each = standing(world, object, node.tupleset).map((tuple) => least([condition(world, tuple), look(positive, tuple.subject, node.permission)]));
      if (node.quantifier === "any") return greatest(each);
      return each.length === 0 ? F : least(each);
    }
  }
}

function standing(world: World, object: ObjectRef, relation: string): Tuple[] {
  return world.tuples.filter(
    (tuple) => tuple.object.type === object.type && tuple.object.id === object.id && tuple.relation === relation && !(tuple.expiresAt !== undefined && tuple.expiresAt <= world.now),
  );
}

function condition(world: World, tuple: Tuple): Verdict {
  if (tuple.condition === undefined) return T;
  return world.meaning(tuple.condition.name, { ...world.context, ...tuple.condition.context });
}

function kindOf({ type, relation }: { readonly type: string; readonly relation: string }): string {
  return `${type}#${relation}`;
}

/** Every member with every kind of subject that could have it under some tuples, each as `type#member kind`. */
function reachOf(schema: Schema): Set<string> {
  const definitions = [...schema.definitions.values()];
  const types = definitions.map(({ name }) => name);
  const kinds = definitions.flatMap(({ name, members }) => ["", ...members.keys()].map((relation) => kindOf({ type: name, relation })));
  const found = new Set<string>();
  const holds = (type: string, member: string, kind: string) => found.has(`${type}#${member} ${kind}`);
  const reaches = (type: string, node: Rewrite, kind: string): boolean => {
    switch (node.kind) {
      case "union": return node.operands.some((operand) => reaches(type, operand, kind));
      case "intersection": return node.operands.every((operand) => reaches(type, operand, kind));
      case "exclusion": return reaches(type, node.base, kind);
      case "computed": return holds(type, node.name, kind);
      case "self": return kind === kindOf({ type, relation: "" });
      case "nil": return false;
      case "arrow": {
        const tupleset = schema.definitions.get(type)?.members.get(node.tupleset);
        const targets = tupleset?.kind === "relation" ? tupleset.subjects.map((subject) => subject.type) : [];
        return targets.some((target) => holds(target, node.permission, kind));
      }
    }
  };
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const type of types) {
      for (const node of schema.definitions.get(type)?.members.values() ?? []) {
        for (const kind of kinds) {
          const own = kind === kindOf({ type, relation: node.name });
          const granted =
            node.kind === "permission"
              ? reaches(type, node.rewrite, kind)
              : node.subjects.some((subject) => kind === kindOf(subject) || (subject.relation !== "" && holds(subject.type, subject.relation, kind)));
          if (own || granted) found.add(`${type}#${node.name} ${kind}`);
        }
      }
    }
  }
  return found;
}

function rest(solution: Solution, step: (solution: Solution) => Solution): Solution {
  for (let steps = 0; steps < 10_000; steps++) {
    const next = step(solution);
    if (same(solution, next)) return solution;
    solution = next;
  }
  throw new Error("the oracle does not come to rest");
}

/** Every unknown without its reason. */
function bare(solution: Solution): Solution {
  return new Map([...solution].map(([key, verdict]) => [key, order[verdict.value] === order.C ? { value: "C", missing: [] } : verdict]));
}

function look(solution: Solution, object: { type: string; id: string }, member: string): Verdict {
  return solution.get(keyOf(object, member)) ?? F;
}

function not(verdict: Verdict): Verdict {
  return verdict.value === "T" ? F : verdict.value === "F" ? T : verdict;
}

function greatest(verdicts: readonly Verdict[]): Verdict {
  return pick(verdicts, F, (a, b) => order[b.value] > order[a.value]);
}

function least(verdicts: readonly Verdict[]): Verdict {
  return pick(verdicts, T, (a, b) => order[b.value] < order[a.value]);
}

function pick(verdicts: readonly Verdict[], neutral: Verdict, better: (a: Verdict, b: Verdict) => boolean): Verdict {
  const chosen = verdicts.reduce((a, b) => (better(a, b) ? b : a), neutral);
  if (order[chosen.value] !== order.C) return chosen;
  if (verdicts.some((verdict) => verdict.value === "U")) return U;
  const missing = verdicts.flatMap((verdict) => (verdict.value === "C" ? verdict.missing : []));
  return { value: "C", missing: [...new Set(missing)].sort() };
}

function same(a: Solution, b: Solution): boolean {
  return [...a].every(([key, verdict]) => JSON.stringify(verdict) === JSON.stringify(b.get(key)));
}
