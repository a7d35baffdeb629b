import { forever } from "../base/clock.js";
import { unreachable } from "../base/assert.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Context } from "../model/context.js";
import { quote, type ObjectRef } from "../model/object.js";
import type { MemberKey } from "../model/schema/member-graph.js";
import type { Schema } from "../model/schema/schema.js";
import { wildcardId, type SubjectRef } from "../model/subject.js";
import { isExpired, type Tuple, type TupleCondition } from "../model/tuple.js";
import { allowed, and, because, boundedBy, conditional, denied, not, or, pending, undecided, type Answer } from "./answer.js";
import type { Standing } from "./cache/result.js";
import { fieldsRead } from "./condition-fields.js";
import { planOf, type ArrowStep, type Member, type Plan, type RelationRule, type Step } from "./plan.js";
import { kindOf, Reachability, type SubjectKind } from "./reachability.js";
import { tooMany, type Reads, type TupleList } from "./reads.js";
import type { Solutions } from "./solutions.js";
import type { Trace } from "./trace.js";

/** Everything that an answer depends on. */
export interface WalkInput {
  readonly schema: Schema;
  readonly reads: Reads;
  readonly subject: SubjectRef;
  readonly context: Context;
  /** The instant in it may move between runs. */
  readonly at: Standing;
  readonly solutions: Solutions;
  readonly explain: boolean;
  /** Says that the walk has run long enough without a pause: what is not known yet stays pending. `long`: what comes next may take long by itself. */
  readonly paused: (long: boolean) => boolean;
}

/** For fewer usersets than this, of objects that have none themselves, it is not worth a look from the other side. */
const usersetsMin = 4;

/**
 * The interpreter of userset rewrites. It answers whether `subject` has a relation or permission on an object, as a
 * pure and synchronous function of what it is given; where something is not in memory the answer is `pending`, and
 * the walk goes on through the branches beside it so that one load serves them all.
 */
export class Walk {
  readonly #in: WalkInput;
  readonly #plan: Plan;
  readonly #kind: SubjectKind;
  /** What a subject of the kind can have at all: the rest is neither read nor walked. */
  readonly #reached: ReadonlySet<MemberKey>;
  readonly #wildcard: SubjectRef | undefined;
  /** Usersets and arrows, and right sides of exclusions, between the root and where the walk stands. */
  #depth = 0;
  #exclusions = 0;
  /** Members and operators on the way there: each takes its part of the stack. */
  #nesting = 0;

  constructor(input: WalkInput) {
    const { subject } = input;
    this.#in = input;
    this.#plan = planOf(input.schema);
    this.#kind = kindOf(subject);
    this.#reached = Reachability.of(input.schema).reachedBy(this.#kind);
    this.#wildcard = subject.relation === "" ? { type: subject.type, id: wildcardId, relation: "" } : undefined;
  }

  /** The answer for the object's `member`, which the schema must have. */
  run(object: ObjectRef, member: string): Answer {
    this.#depth = this.#exclusions = this.#nesting = 0;
    return this.#solve(object, member, this.#plan.types.get(object.type)?.get(member));
  }

  #solve(object: ObjectRef, name: string, member: Member | undefined): Answer {
    const { subject, solutions } = this.#in;
    if (member === undefined) return this.#traced(denied, { kind: "nil", object, member: name, note: "the type has no such relation or permission" });
    if (!this.#reached.has(member.key)) return this.#traced(denied, { kind: "nil", object, member: name, note: `no ${this.#kind} can have it` });
    if (subject.relation === name && subject.id === object.id && subject.type === object.type) {
      return this.#traced(allowed, { kind: "identity", object, member: name });
    }
    const key = `${object.type}:${object.id}${member.suffix}`;
    // No cycle leads through a relation without usersets, and it is read as fast as it is looked up.
    if (member.rule.kind === "relation" && member.rule.usersets.length === 0 && !solutions.keepsAll) {
      return this.#in.paused(false) ? pending : (solutions.descend(this.#depth) ?? this.#relation(key, object, name, member.rule));
    }
    const answer = solutions.solve(key, this.#depth, this.#exclusions, () => (this.#in.paused(false) ? pending : this.#member(key, object, member)));
    if (this.#in.explain && answer.trace === undefined) {
      const note = answer.error === undefined ? "a cycle: already being evaluated" : answer.error.message;
      return this.#traced(answer, { kind: "cycle", object, member: name, note });
    }
    return answer;
  }

  #member(key: string, object: ObjectRef, { name, rule }: Member): Answer {
    this.#nesting++;
    const answer = rule.kind === "relation" ? this.#relation(key, object, name, rule) : this.#step(object, rule.step);
    this.#nesting--;
    if (rule.kind === "relation") return answer;
    return this.#traced(answer, { kind: "permission", object, member: name }, [answer]);
  }

  /** The cheapest first: the subject's own tuple, the wildcard's, then the usersets. */
  #relation(key: string, object: ObjectRef, name: string, rule: RelationRule): Answer {
    const union = new Junction(or, denied, this.#in.explain);
    const { subject } = this.#in;
    if (rule.direct.has(this.#kind)) union.add(this.#probe(key, object, name, subject));
    if (this.#wildcard !== undefined && rule.wildcards.has(subject.type) && !union.decided("allowed")) union.add(this.#probe(key, object, name, this.#wildcard));
    for (const { list, member } of rule.usersets) {
      if (union.decided("allowed")) break;
      if (member === undefined || !this.#reached.has(member.key)) continue;
      const tuples = this.#fewer(this.#in.reads.list(key, object, name, list), member);
      this.#each(tuples, union, "allowed", (tuple) => this.#through(tuple, member.name, member));
    }
    return this.#traced(union.answer, { kind: "relation", object, member: name }, union.parts);
  }

  /**
   * Those of the usersets or arrow targets that the subject may be in, where that can be said from its own side: most subjects are in few groups,
   * however many an object names and however they nest. An explanation shows them all.
   */
  #fewer(tuples: TupleList | undefined, member: Member): TupleList | undefined {
    if (tuples === undefined || tuples === tooMany || tuples.length === 0 || member.rungs === undefined || this.#in.explain) return tuples;
    const nests = member.rule.kind === "relation" && member.rule.usersets.length > 0;
    if (!nests && tuples.length < usersetsMin) return tuples;
    const holders = this.#in.reads.holders(member);
    if (holders === undefined) return undefined;
    return holders === "unknown" ? tuples : tuples.filter(({ subject }) => holders.has(subject.id));
  }

  #probe(key: string, object: ObjectRef, relation: string, subject: SubjectRef): Answer {
    const tuple = this.#in.reads.probe(key, object, relation, subject);
    if (tuple === undefined) return pending;
    if (tuple === null) return denied;
    if (isExpired(tuple, this.#in.at.now)) return this.#traced(because(denied, tuple), { kind: "tuple", tuple, note: "expired" });
    const answer = this.#condition(tuple);
    return this.#traced(answer, { kind: "tuple", tuple, ...noteOf(answer, tuple) });
  }

  /** The answer on the tuple's subject, as far as the tuple itself holds. */
  #through(tuple: Tuple, name: string, member: Member | undefined): Answer {
    const own = this.#condition(tuple);
    this.#depth++;
    const beyond = own.value === "denied" ? own : this.#solve(tuple.subject, name, member);
    this.#depth--;
    const answer = own.value === "denied" ? own : and(own, beyond);
    return this.#traced(answer, { kind: "tuple", tuple, ...noteOf(own, tuple) }, beyond === own ? [] : [beyond]);
  }

  /** What the tuple grants while it stands: its condition's outcome, no longer than until it expires. */
  #condition(tuple: Tuple): Answer {
    const { condition, expiresAt } = tuple;
    if (expiresAt !== undefined) this.#in.reads.expires?.(expiresAt);
    if (condition === undefined) return { value: "allowed", missing: allowed.missing, until: tuple.expiresAt ?? forever, grounds: tuple };
    const fields = fieldsRead(this.#in.schema.conditions.get(condition.name), condition.context);
    return this.#in.solutions.condition(tuple, fields, () => (this.#in.paused(true) ? pending : this.#evaluate(tuple, condition)));
  }

  #evaluate(tuple: Tuple, { name, context }: TupleCondition): Answer {
    const until = tuple.expiresAt ?? forever;
    const condition = this.#in.schema.conditions.get(name);
    if (condition === undefined) return undecided(new UsherError("condition_failed", `the schema has no condition ${quote(name)}`), until);
    const result = condition.evaluate(context, this.#in.context, this.#in.at.now);
    const valid = Math.min(until, result.until);
    switch (result.kind) {
      case "true": return because(boundedBy(allowed, valid), tuple);
      case "false": return because(boundedBy(denied, valid), tuple);
      case "missing": return conditional(result.fields, valid);
      case "error": return undecided(new UsherError(result.code, result.message), valid);
      default: return unreachable(result);
    }
  }

  #step(object: ObjectRef, step: Step): Answer {
    if (this.#nesting >= limits.walkNestingMax) return this.#in.solutions.cut(tooNested());
    this.#nesting++;
    const answer = this.#stepInto(object, step);
    this.#nesting--;
    return answer;
  }

  #stepInto(object: ObjectRef, step: Step): Answer {
    switch (step.kind) {
      case "union":
      case "intersection": return this.#junction(object, step.operands, step.kind);
      case "exclusion": return this.#exclusion(object, step.base, step.subtracted);
      case "computed": return this.#solve(object, step.member?.name ?? "", step.member);
      case "arrow": return this.#arrow(object, step);
      case "self": {
        const { subject } = this.#in;
        const same = subject.relation === "" && subject.type === object.type && subject.id === object.id;
        return this.#traced(same ? allowed : denied, { kind: "self", object });
      }
      case "nil": return this.#traced(denied, { kind: "nil" });
      default: return unreachable(step);
    }
  }

  #exclusion(object: ObjectRef, base: Step, subtracted: Step): Answer {
    const from = this.#step(object, base);
    if (from.value === "denied") return this.#traced(from, { kind: "exclusion" }, [from]);
    this.#exclusions++;
    const less = this.#step(object, subtracted);
    this.#exclusions--;
    return this.#traced(and(from, not(less)), { kind: "exclusion" }, [from, less]);
  }

  #junction(object: ObjectRef, operands: readonly Step[], kind: "union" | "intersection"): Answer {
    const junction = kind === "union" ? new Junction(or, denied, this.#in.explain) : new Junction(and, allowed, this.#in.explain);
    for (const operand of operands) {
      if (junction.decided(kind === "union" ? "allowed" : "denied")) break;
      const answer = this.#step(object, operand);
      junction.add(kind === "intersection" ? stoppedAt(answer, object, operand) : answer);
    }
    return this.#traced(junction.answer, { kind }, junction.parts);
  }

  /**
   * `any`: what the subject cannot have on a type is not listed there. `all`: it denies. A tuple whose condition is false
   * counts as one on which the permission is denied, for both; an expired one is absent.
   */
  #arrow(object: ObjectRef, { any, text, tupleset, suffix, permission, targets }: ArrowStep): Answer {
    const decisive = any ? "allowed" : "denied";
    const junction = any ? new Junction(or, denied, this.#in.explain) : new Junction(and, allowed, this.#in.explain);
    const key = `${object.type}:${object.id}${suffix}`;
    let found = false;
    for (const { list, member } of targets) {
      if (junction.decided(decisive)) break;
      if (any && (member === undefined || !this.#reached.has(member.key))) continue;
      const listed = this.#in.reads.list(key, object, tupleset, list);
      const tuples = any && member !== undefined ? this.#fewer(listed, member) : listed;
      found = this.#each(tuples, junction, decisive, (tuple) => {
        const answer = this.#through(tuple, permission, member);
        // Once it has expired, a tuple that denied an `all` is one fewer to satisfy.
        return any ? answer : boundedBy(answer, tuple.expiresAt ?? forever);
      }) || found;
    }
    const answer = found || any ? junction.answer : denied;
    return this.#traced(answer, { kind: "arrow", object, member: text }, junction.parts);
  }

  /** Adds the answer through each tuple that has not expired, until the junction is decided. True if there was one, or may be. */
  #each(tuples: TupleList | undefined, junction: Junction, decisive: "allowed" | "denied", through: (tuple: Tuple) => Answer): boolean {
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
      if (isExpired(tuple, this.#in.at.now)) continue;
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

const noParts: readonly Answer[] = [];

/** A union or an intersection in the making. */
class Junction {
  readonly #join: (a: Answer, b: Answer) => Answer;
  readonly #keep: boolean;
  #parts: Answer[] | undefined;
  answer: Answer;

  constructor(join: (a: Answer, b: Answer) => Answer, neutral: Answer, keep: boolean) {
    this.#join = join;
    this.#keep = keep;
    this.answer = neutral;
  }

  add(answer: Answer): void {
    this.answer = this.#join(this.answer, answer);
    if (this.#keep && answer.trace !== undefined) (this.#parts ??= []).push(answer);
  }

  get parts(): readonly Answer[] {
    return this.#parts ?? noParts;
  }

  decided(value: "allowed" | "denied"): boolean {
    return this.answer.value === value;
  }
}

/** Of an intersection that is denied because nothing grants one of its operands, it is told which. */
function stoppedAt(answer: Answer, object: ObjectRef, operand: Step): Answer {
  if (answer.value !== "denied" || answer.grounds !== undefined) return answer;
  if (operand.kind === "arrow") return { ...answer, grounds: { object, member: operand.text } };
  return operand.kind === "computed" && operand.member !== undefined ? { ...answer, grounds: { object, member: operand.member.name } } : answer;
}

function tooNested(): UsherError {
  return new UsherError("evaluation_too_large", `permissions and operators nest deeper than ${limits.walkNestingMax} (\`walkNestingMax\`): shorten the chain`);
}

function noteOf(answer: Answer, tuple: Tuple): { note?: string } {
  if (tuple.condition === undefined) return {};
  if (answer.value === "undecided") return { note: answer.error?.message ?? "undecided" };
  if (answer.value === "conditional") return { note: `condition needs ${answer.missing.map(quote).join(", ")}` };
  return { note: answer.value === "allowed" ? "condition holds" : "condition does not hold" };
}
