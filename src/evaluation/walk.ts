import { forever, type Instant } from "../base/clock.js";
import { unreachable } from "../base/assert.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Context } from "../model/context.js";
import { quote, type ObjectRef } from "../model/object.js";
import type { Arrow, Rewrite } from "../model/schema/rewrite.js";
import type { Definition, Permission, Relation, Schema } from "../model/schema/schema.js";
import { wildcardId, type SubjectRef } from "../model/subject.js";
import { isExpired, type Tuple, type TupleCondition } from "../model/tuple.js";
import { allowed, and, boundedBy, conditional, denied, not, or, pending, undecided, type Answer } from "./answer.js";
import { tooMany, type Reads } from "./reads.js";
import type { Solutions } from "./solutions.js";
import type { Trace } from "./trace.js";

/** Everything that an answer depends on. */
export interface WalkInput {
  readonly schema: Schema;
  readonly reads: Reads;
  readonly subject: SubjectRef;
  readonly context: Context;
  readonly now: Instant;
  readonly solutions: Solutions;
  readonly explain: boolean;
  /** Says that the walk has run long enough without a pause: what is not known yet stays pending. `long`: what comes next may take long by itself. */
  readonly paused: (long: boolean) => boolean;
}

/** Where a walk stands: how many usersets and arrows, and how many right sides of exclusions, lie between the root and here. */
interface Place {
  readonly depth: number;
  readonly exclusions: number;
  /** Members and operators between the root and here: each takes its part of the stack. */
  readonly nesting: number;
}

/**
 * The interpreter of userset rewrites. It answers whether `subject` has a relation or permission on an object, as a
 * pure and synchronous function of what it is given; where something is not in memory the answer is `pending`, and
 * the walk goes on through the branches beside it so that one load serves them all.
 */
export class Walk {
  readonly #in: WalkInput;

  constructor(input: WalkInput) {
    this.#in = input;
  }

  /** The answer for the object's `member`, which the schema must have. */
  run(object: ObjectRef, member: string): Answer {
    return this.#solve(object, member, { depth: 0, exclusions: 0, nesting: 0 });
  }

  #solve(object: ObjectRef, member: string, place: Place): Answer {
    const { subject, solutions } = this.#in;
    if (subject.relation === member && subject.id === object.id && subject.type === object.type) {
      return this.#traced(allowed, { kind: "identity", object, member });
    }
    const node = this.#in.schema.definitions.get(object.type)?.members.get(member);
    if (node === undefined) return this.#traced(denied, { kind: "nil", object, member, note: "the type has no such relation or permission" });
    const answer = solutions.solve(`${object.type}:${object.id}#${member}`, place.depth, place.exclusions, () =>
      this.#in.paused(false) ? pending : this.#member(object, node, place),
    );
    if (this.#in.explain && answer.trace === undefined) {
      const note = answer.error === undefined ? "a cycle: already being evaluated" : answer.error.message;
      return this.#traced(answer, { kind: "cycle", object, member, note });
    }
    return answer;
  }

  #member(object: ObjectRef, node: Relation | Permission, place: Place): Answer {
    const nested = { ...place, nesting: place.nesting + 1 };
    if (node.kind === "relation") return this.#relation(object, node, nested);
    const answer = this.#rewrite(object, node.rewrite, nested);
    return this.#traced(answer, { kind: "permission", object, member: node.name }, [answer]);
  }

  /** The cheapest first: the subject's own tuple, the wildcard's, then the usersets. */
  #relation(object: ObjectRef, relation: Relation, place: Place): Answer {
    const union = new Junction(or, denied, this.#in.explain);
    for (const candidate of this.#candidates(relation)) {
      if (union.decided("allowed")) break;
      union.add(this.#probe(object, relation, candidate));
    }
    for (const userset of usersetsOf(relation)) {
      if (union.decided("allowed")) break;
      const tuples = this.#in.reads.list(object, relation.name, userset.type, userset.relation);
      this.#each(tuples, union, "allowed", (tuple) => this.#through(tuple, tuple.subject.relation, place));
    }
    return this.#traced(union.answer, { kind: "relation", object, member: relation.name }, union.parts);
  }

  /** The subjects whose tuples, if they stand, grant the relation directly. */
  #candidates(relation: Relation): SubjectRef[] {
    const { subject } = this.#in;
    const found: SubjectRef[] = [];
    const allows = (wildcard: boolean) =>
      relation.subjects.some((allowed) => allowed.type === subject.type && allowed.relation === subject.relation && allowed.wildcard === wildcard);
    if (allows(false)) found.push(subject);
    if (subject.relation === "" && allows(true)) found.push({ type: subject.type, id: wildcardId, relation: "" });
    return found;
  }

  #probe(object: ObjectRef, relation: Relation, subject: SubjectRef): Answer {
    const tuple = this.#in.reads.probe(object, relation.name, subject);
    if (tuple === undefined) return pending;
    if (tuple === null) return denied;
    if (isExpired(tuple, this.#in.now)) return this.#traced(denied, { kind: "tuple", tuple, note: "expired" });
    const answer = this.#condition(tuple);
    return this.#traced(answer, { kind: "tuple", tuple, ...noteOf(answer, tuple) });
  }

  /** The answer on the tuple's subject, as far as the tuple itself holds. */
  #through(tuple: Tuple, member: string, place: Place): Answer {
    const own = this.#condition(tuple);
    const beyond = own.value === "denied" ? own : this.#solve(tuple.subject, member, { ...place, depth: place.depth + 1 });
    const answer = own.value === "denied" ? own : and(own, beyond);
    return this.#traced(answer, { kind: "tuple", tuple, ...noteOf(own, tuple) }, beyond === own ? [] : [beyond]);
  }

  /** What the tuple grants while it stands: its condition's outcome, no longer than until it expires. */
  #condition(tuple: Tuple): Answer {
    const { condition } = tuple;
    if (condition === undefined) return boundedBy(allowed, tuple.expiresAt ?? forever);
    return this.#in.solutions.condition(tuple, () => (this.#in.paused(true) ? pending : this.#evaluate(tuple, condition)));
  }

  #evaluate(tuple: Tuple, { name, context }: TupleCondition): Answer {
    const until = tuple.expiresAt ?? forever;
    const condition = this.#in.schema.conditions.get(name);
    if (condition === undefined) return undecided(new UsherError("condition_failed", `the schema has no condition ${quote(name)}`), until);
    const result = condition.evaluate(context, this.#in.context, this.#in.now);
    const valid = Math.min(until, result.until);
    switch (result.kind) {
      case "true": return boundedBy(allowed, valid);
      case "false": return boundedBy(denied, valid);
      case "missing": return conditional(result.fields, valid);
      case "error": return undecided(new UsherError(result.code, result.message), valid);
      default: return unreachable(result);
    }
  }

  #rewrite(object: ObjectRef, rewrite: Rewrite, outer: Place): Answer {
    const place = { ...outer, nesting: outer.nesting + 1 };
    if (place.nesting > limits.walkNestingMax) return this.#in.solutions.cut(tooNested());
    switch (rewrite.kind) {
      case "union": return this.#junction(object, rewrite.operands, place, "union");
      case "intersection": return this.#junction(object, rewrite.operands, place, "intersection");
      case "exclusion": {
        const base = this.#rewrite(object, rewrite.base, place);
        if (base.value === "denied") return this.#traced(base, { kind: "exclusion" }, [base]);
        const subtracted = this.#rewrite(object, rewrite.subtracted, { ...place, exclusions: place.exclusions + 1 });
        return this.#traced(and(base, not(subtracted)), { kind: "exclusion" }, [base, subtracted]);
      }
      case "computed": return this.#solve(object, rewrite.name, place);
      case "arrow": return this.#arrow(object, rewrite, place);
      case "self": {
        const { subject } = this.#in;
        const same = subject.relation === "" && subject.type === object.type && subject.id === object.id;
        return this.#traced(same ? allowed : denied, { kind: "self", object });
      }
      case "nil": return this.#traced(denied, { kind: "nil" });
      default: return unreachable(rewrite);
    }
  }

  #junction(object: ObjectRef, operands: readonly Rewrite[], place: Place, kind: "union" | "intersection"): Answer {
    const junction = kind === "union" ? new Junction(or, denied, this.#in.explain) : new Junction(and, allowed, this.#in.explain);
    for (const operand of operands) {
      if (junction.decided(kind === "union" ? "allowed" : "denied")) break;
      junction.add(this.#rewrite(object, operand, place));
    }
    return this.#traced(junction.answer, { kind }, junction.parts);
  }

  /**
   * `any`: types that lack the permission cannot allow and are not listed. `all`: they deny. A tuple whose condition is
   * false counts as one on which the permission is denied, for both; an expired one is absent.
   */
  #arrow(object: ObjectRef, arrow: Arrow, place: Place): Answer {
    const any = arrow.quantifier === "any";
    const decisive = any ? "allowed" : "denied";
    const junction = any ? new Junction(or, denied, this.#in.explain) : new Junction(and, allowed, this.#in.explain);
    const tupleset = this.#in.schema.definitions.get(object.type)?.members.get(arrow.tupleset);
    let found = false;
    for (const type of tupleset?.kind === "relation" ? subjectTypesOf(tupleset) : []) {
      if (junction.decided(decisive)) break;
      if (any && !hasMember(this.#in.schema.definitions.get(type), arrow.permission)) continue;
      const tuples = this.#in.reads.list(object, arrow.tupleset, type);
      found = this.#each(tuples, junction, decisive, (tuple) => {
        const answer = this.#through(tuple, arrow.permission, place);
        // Once it has expired, a tuple that denied an `all` is one fewer to satisfy.
        return any ? answer : boundedBy(answer, tuple.expiresAt ?? forever);
      }) || found;
    }
    const answer = found || any ? junction.answer : denied;
    return this.#traced(answer, { kind: "arrow", object, member: arrowText(arrow) }, junction.parts);
  }

  /** Adds the answer through each tuple that has not expired, until the junction is decided. True if there was one, or may be. */
  #each(tuples: ReturnType<Reads["list"]>, junction: Junction, decisive: "allowed" | "denied", through: (tuple: Tuple) => Answer): boolean {
    if (tuples === undefined) {
      junction.add(pending);
      return true;
    }
    if (tuples === tooMany) {
      junction.add(undecided(new UsherError("evaluation_too_large", `a relation has more than ${limits.listTuplesMax} usersets or arrow targets`)));
      return true;
    }
    let found = false;
    for (const tuple of tuples) {
      if (junction.decided(decisive)) break;
      if (isExpired(tuple, this.#in.now)) continue;
      found = true;
      junction.add(through(tuple));
    }
    return found;
  }

  #traced(answer: Answer, step: Omit<Trace, "answers">, answers: readonly Answer[] = []): Answer {
    if (!this.#in.explain || answer.value === "pending") return answer;
    return { ...answer, trace: { ...step, answers } };
  }
}

/** A union or an intersection in the making. */
class Junction {
  readonly #join: (a: Answer, b: Answer) => Answer;
  readonly #keep: boolean;
  readonly parts: Answer[] = [];
  answer: Answer;

  constructor(join: (a: Answer, b: Answer) => Answer, neutral: Answer, keep: boolean) {
    this.#join = join;
    this.#keep = keep;
    this.answer = neutral;
  }

  add(answer: Answer): void {
    this.answer = this.#join(this.answer, answer);
    if (this.#keep && answer.trace !== undefined) this.parts.push(answer);
  }

  decided(value: "allowed" | "denied"): boolean {
    return this.answer.value === value;
  }
}

function tooNested(): UsherError {
  return new UsherError("evaluation_too_large", `permissions and operators nest deeper than ${limits.walkNestingMax} (\`walkNestingMax\`): shorten the chain`);
}

function usersetsOf(relation: Relation): { type: string; relation: string }[] {
  const seen = new Map<string, { type: string; relation: string }>();
  for (const { type, relation: member } of relation.subjects) {
    if (member !== "") seen.set(`${type}#${member}`, { type, relation: member });
  }
  return [...seen.values()];
}

function subjectTypesOf(relation: Relation): Set<string> {
  return new Set(relation.subjects.map((subject) => subject.type));
}

function hasMember(definition: Definition | undefined, member: string): boolean {
  return definition?.members.has(member) ?? false;
}

function noteOf(answer: Answer, tuple: Tuple): { note?: string } {
  if (tuple.condition === undefined) return {};
  if (answer.value === "undecided") return { note: answer.error?.message ?? "undecided" };
  if (answer.value === "conditional") return { note: `condition needs ${answer.missing.map(quote).join(", ")}` };
  return { note: answer.value === "allowed" ? "condition holds" : "condition does not hold" };
}

/** `parent->view`, `parent.all(view)`. */
export function arrowText(arrow: Arrow): string {
  return arrow.quantifier === "any" ? `${arrow.tupleset}->${arrow.permission}` : `${arrow.tupleset}.all(${arrow.permission})`;
}
