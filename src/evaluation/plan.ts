import { unreachable } from "../base/assert.js";
import { limits } from "../base/limits.js";
import { memberKey, type MemberKey } from "../model/schema/member-graph.js";
import type { Arrow, Rewrite } from "../model/schema/rewrite.js";
import type { Definition, Permission, Relation, Schema } from "../model/schema/schema.js";
import { listKind, type ListKind } from "./reads.js";

/** A schema readied for the walker: names are looked up, and what it asks again and again is at hand. Made once a schema. */
export interface Plan {
  /** By type, then by name. */
  readonly types: ReadonlyMap<string, ReadonlyMap<string, Member>>;
}

export interface Member {
  /** As `memberKey` of the model makes it: `document#viewer`. */
  readonly key: MemberKey;
  readonly type: string;
  readonly name: string;
  /** `#viewer`: what follows an object's text in a key. */
  readonly suffix: string;
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

const plans = new WeakMap<Schema, Plan>();

export function planOf(schema: Schema): Plan {
  let plan = plans.get(schema);
  if (plan === undefined) plans.set(schema, (plan = makePlan(schema)));
  return plan;
}

interface Draft extends Member {
  rule: RelationRule | PermissionRule;
  rungs: readonly Member[] | undefined;
}

function makePlan(schema: Schema): Plan {
  const types = new Map<string, Map<string, Draft>>();
  for (const { name: type, members } of schema.definitions.values()) {
    const drafts = [...members.keys()].map((name): [string, Draft] => {
      return [name, { key: memberKey(type, name), name, type, suffix: `#${name}`, rule: { kind: "permission", step: { kind: "nil" } }, rungs: undefined }];
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
      for (const { member: target } of member.rule.usersets) if (target !== undefined) found.add(target);
    }
    if (found.size > 0) draft.rungs = [...found];
  }
}

/** `parent->view`, `parent.all(view)`. */
export function arrowText(arrow: Arrow): string {
  return arrow.quantifier === "any" ? `${arrow.tupleset}->${arrow.permission}` : `${arrow.tupleset}.all(${arrow.permission})`;
}
