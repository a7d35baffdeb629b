import { unreachable } from "../base/assert.js";
import { limits } from "../base/limits.js";
import type { Arrow, Rewrite } from "../model/schema/rewrite.js";
import type { Definition, Permission, Relation, Schema } from "../model/schema/schema.js";
import type { SubjectRef } from "../model/subject.js";
import { append } from "../model/schema/multimap.js";
import { listKind, type ListKind } from "./reads.js";

/**
 * A schema readied for the walker: names are looked up, and of each relation and permission is known which kinds of subjects
 * can have it at all, so that what can never match is neither read nor walked. Made once a schema.
 */
export interface Plan {
  /** By type, then by name. */
  readonly types: ReadonlyMap<string, ReadonlyMap<string, Member>>;
}

export interface Member {
  readonly type: string;
  readonly name: string;
  /** `#viewer`: what follows an object's text in a key. */
  readonly suffix: string;
  /** The kinds of subjects that may have it, whatever tuples there are: `user` for objects and wildcards, `group#member` for usersets. */
  readonly reach: Reach;
  readonly rule: RelationRule | PermissionRule;
  /** Of a relation whose usersets are of such relations throughout: itself and those. It can be climbed to from a subject. */
  readonly rungs: readonly Member[] | undefined;
}

export interface RelationRule {
  readonly kind: "relation";
  /** Kinds of subjects whose own tuple it may hold, and types whose wildcard. */
  readonly direct: ReadonlySet<string>;
  readonly wildcards: ReadonlySet<string>;
  readonly usersets: readonly Target[];
}

export interface PermissionRule {
  readonly kind: "permission";
  readonly step: Step;
}

/** Tuples to list, and what their subjects must have; no member: the type has none of the name. */
export interface Target {
  readonly list: ListKind;
  readonly member: Member | undefined;
}

/** A userset rewrite, its names looked up. */
export type Step =
  | { readonly kind: "union" | "intersection"; readonly operands: readonly Step[] }
  | { readonly kind: "exclusion"; readonly base: Step; readonly subtracted: Step }
  | { readonly kind: "computed"; readonly member: Member | undefined }
  | ArrowStep
  | { readonly kind: "self"; readonly type: string }
  | { readonly kind: "nil" };

export interface ArrowStep {
  readonly kind: "arrow";
  /** `parent->view`. */
  readonly text: string;
  readonly any: boolean;
  readonly tupleset: string;
  /** `#parent`. */
  readonly suffix: string;
  readonly permission: string;
  readonly targets: readonly Target[];
}

/** Kinds of subjects, as `kindOf` names them. */
export interface Reach extends Iterable<string> {
  has(kind: string): boolean;
}

/** `user`, `group#member`. */
export function kindOf(subject: SubjectRef): string {
  return subject.relation === "" ? subject.type : `${subject.type}#${subject.relation}`;
}

const plans = new WeakMap<Schema, Plan>();

export function planOf(schema: Schema): Plan {
  let plan = plans.get(schema);
  if (plan === undefined) plans.set(schema, (plan = makePlan(schema)));
  return plan;
}

interface Draft extends Member {
  reach: Reach & { readonly size: number };
  rule: RelationRule | PermissionRule;
  rungs: readonly Member[] | undefined;
}

function makePlan(schema: Schema): Plan {
  const types = new Map<string, Map<string, Draft>>();
  for (const { name: type, members } of schema.definitions.values()) {
    const drafts = [...members.keys()].map((name): [string, Draft] => {
      // Its own userset has it, and it alone does until the rest is known.
      return [name, { name, type, suffix: `#${name}`, reach: new Set([`${type}#${name}`]), rule: { kind: "permission", step: { kind: "nil" } }, rungs: undefined }];
    });
    types.set(type, new Map(drafts));
  }
  const find = (type: string, name: string) => types.get(type)?.get(name);
  const drafts: Draft[] = [];
  for (const definition of schema.definitions.values()) {
    for (const member of definition.members.values()) {
      const draft = find(definition.name, member.name);
      if (draft === undefined) continue;
      draft.rule = member.kind === "relation" ? relationRule(member, find) : permissionRule(definition, member, find);
      drafts.push(draft);
    }
  }
  spread(drafts);
  addRungs(drafts);
  return { types };
}

type Find = (type: string, name: string) => Draft | undefined;

function relationRule(relation: Relation, find: Find): RelationRule {
  const direct = new Set<string>();
  const wildcards = new Set<string>();
  const usersets = new Map<string, Target>();
  for (const { type, relation: name, wildcard } of relation.subjects) {
    const list = listKind(type, name);
    if (wildcard) wildcards.add(type);
    else direct.add(name === "" ? type : list.text);
    if (name !== "") usersets.set(list.text, { list, member: find(type, name) });
  }
  return { kind: "relation", direct, wildcards, usersets: [...usersets.values()] };
}

function permissionRule(definition: Definition, permission: Permission, find: Find): PermissionRule {
  const step = (rewrite: Rewrite): Step => {
    switch (rewrite.kind) {
      case "union":
      case "intersection": return { kind: rewrite.kind, operands: rewrite.operands.map(step) };
      case "exclusion": return { kind: "exclusion", base: step(rewrite.base), subtracted: step(rewrite.subtracted) };
      case "computed": return { kind: "computed", member: find(definition.name, rewrite.name) };
      case "arrow": return arrowStep(definition, rewrite, find);
      case "self": return { kind: "self", type: definition.name };
      case "nil": return { kind: "nil" };
      default: return unreachable(rewrite);
    }
  };
  return { kind: "permission", step: step(permission.rewrite) };
}

/** `any`: types that lack the permission cannot allow, and are not listed. `all`: they deny. */
function arrowStep(definition: Definition, arrow: Arrow, find: Find): ArrowStep {
  const tupleset = definition.members.get(arrow.tupleset);
  const types = tupleset?.kind === "relation" ? new Set(tupleset.subjects.map(({ type }) => type)) : [];
  const any = arrow.quantifier === "any";
  const targets = [...types].map((type): Target => ({ list: listKind(type), member: find(type, arrow.permission) }));
  return {
    kind: "arrow",
    text: arrowText(arrow),
    any,
    tupleset: arrow.tupleset,
    suffix: `#${arrow.tupleset}`,
    permission: arrow.permission,
    targets: any ? targets.filter(({ member }) => member !== undefined) : targets,
  };
}

/** Of each relation that only relations lead to, all of them; what leads elsewhere, or to too many, has none. */
function addRungs(drafts: readonly Draft[]): void {
  for (const draft of drafts) {
    const found = new Set<Member>([draft]);
    for (const member of found) {
      if (member.rule.kind !== "relation" || found.size > limits.rungsMax) {
        found.clear();
        break;
      }
      for (const target of membersOf(member.rule)) found.add(target);
    }
    if (found.size > 0) draft.rungs = [...found];
  }
}

/** Which kinds reach which member: the least sets that hold over all members together. */
function spread(drafts: readonly Draft[]): void {
  const dependents = new Map<Member, Draft[]>();
  for (const draft of drafts) {
    for (const member of new Set(membersOf(draft.rule))) append(dependents, member, draft);
  }
  const waiting = new Set(drafts);
  let kinds = 0;
  for (const draft of waiting) {
    waiting.delete(draft);
    const reach = new Set([...draft.reach, ...kindsOf(draft.rule)]);
    const grown = reach.size - draft.reach.size;
    kinds += grown;
    if (kinds > limits.schemaReachMax) {
      for (const each of drafts) each.reach = everything;
      return;
    }
    draft.reach = reach;
    if (grown > 0) for (const dependent of dependents.get(draft) ?? []) waiting.add(dependent);
  }
}

function membersOf(rule: RelationRule | PermissionRule): Member[] {
  return rule.kind === "relation" ? rule.usersets.flatMap(membersOfTarget) : membersOfStep(rule.step);
}

function membersOfTarget({ member }: Target): Member[] {
  return member === undefined ? [] : [member];
}

function membersOfStep(step: Step): Member[] {
  switch (step.kind) {
    case "union":
    case "intersection": return step.operands.flatMap(membersOfStep);
    case "exclusion": return membersOfStep(step.base);
    case "computed": return step.member === undefined ? [] : [step.member];
    case "arrow": return step.targets.flatMap(membersOfTarget);
    case "self":
    case "nil": return [];
    default: return unreachable(step);
  }
}

function kindsOf(rule: RelationRule | PermissionRule): Iterable<string> {
  return rule.kind === "permission" ? kindsOfStep(rule.step) : [...rule.direct, ...rule.wildcards, ...rule.usersets.flatMap(kindsOfTarget)];
}

function kindsOfTarget({ member }: Target): string[] {
  return member === undefined ? [] : [...member.reach];
}

function kindsOfStep(step: Step): ReadonlySet<string> {
  switch (step.kind) {
    case "union": return new Set(step.operands.flatMap((operand) => [...kindsOfStep(operand)]));
    case "intersection": {
      const [first = new Set<string>(), ...others] = step.operands.map(kindsOfStep);
      return new Set([...first].filter((kind) => others.every((kinds) => kinds.has(kind))));
    }
    case "exclusion": return kindsOfStep(step.base);
    case "computed": return new Set(step.member?.reach ?? []);
    case "arrow": return new Set(step.targets.flatMap(kindsOfTarget));
    case "self": return new Set([step.type]);
    case "nil": return new Set();
    default: return unreachable(step);
  }
}

/** Of a schema with so many types and members that to say which reach which would take too much memory. */
const everything: Draft["reach"] = { has: () => true, [Symbol.iterator]: () => [][Symbol.iterator](), size: 0 };

/** `parent->view`, `parent.all(view)`. */
export function arrowText(arrow: Arrow): string {
  return arrow.quantifier === "any" ? `${arrow.tupleset}->${arrow.permission}` : `${arrow.tupleset}.all(${arrow.permission})`;
}
