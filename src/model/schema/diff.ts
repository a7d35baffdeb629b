import { formatAllowedSubject } from "./alternative.js";
import { DiffBudget } from "./budget.js";
import type { SchemaChange } from "./change.js";
import { changeOfCondition, formatCondition } from "./condition-change.js";
import type { Direction } from "./direction.js";
import { MemberDirections } from "./member-directions.js";
import { memberKey } from "./member-graph.js";
import { formatRewrite } from "./rewrite-text.js";
import type { Definition, Permission, Relation, Schema } from "./schema.js";

/**
 * What changes in meaning from one schema to another: in the order of the new text, what it no longer has behind what it has.
 *
 *     relation viewer: user            →  user | team#member     widened: allows `team#member`
 *     permission view = viewer                                   widened, indirectly: through `document#viewer`
 *     permission edit = owner + admin  →  admin + owner          equivalent
 *     permission hide = admin - viewer                           narrowed, indirectly: through `document#viewer`
 *
 * Directions hold for all tuples, of which each schema counts those that it allows, and for every subject and context: who
 * is allowed stays allowed where something widened. Answers that are no answer, being conditional or undecided, lie between
 * denied and allowed; bounds on evaluation (depth, size) are left aside. A direction is stated only where it is proven.
 */
export function diffSchemas(from: Schema, to: Schema): SchemaChange[] {
  return new Diff(from, to).changes();
}

type Member = Relation | Permission;

class Diff {
  readonly #from: Schema;
  readonly #to: Schema;
  readonly #directions: MemberDirections;

  constructor(from: Schema, to: Schema) {
    this.#from = from;
    this.#to = to;
    this.#directions = new MemberDirections(from, to, new DiffBudget());
  }

  changes(): SchemaChange[] {
    return [...this.#conditions(), ...bothThenGone(this.#from.definitions, this.#to.definitions, (before, after) => this.#definition(before, after))];
  }

  #conditions(): SchemaChange[] {
    return bothThenGone(this.#from.conditions, this.#to.conditions, (before, after) => {
      if (before !== undefined && after !== undefined) return listed(changeOfCondition(before, after));
      return listed(appeared("condition", before ?? after, before && formatCondition(before), after && formatCondition(after)));
    });
  }

  #definition(before: Definition | undefined, after: Definition | undefined): SchemaChange[] {
    const texts = [before, after].map((definition) => definition && `definition ${definition.name}`);
    if (before === undefined || after === undefined) return listed(appeared("definition", before ?? after, texts[0], texts[1]));
    const documented = before.doc === after.doc ? [] : [{ element: "definition" as const, name: after.name, kind: "documented" as const, ...textsOf(texts[0], texts[1]) }];
    return [...documented, ...bothThenGone(before.members, after.members, (from, to) => listed(this.#member(after.name, from, to)))];
  }

  #member(type: string, from: Member | undefined, to: Member | undefined): SchemaChange | undefined {
    const member = to ?? from;
    if (member === undefined) return undefined;
    const element = member.kind;
    if (from === undefined || to === undefined) return appeared(element, { name: memberKey(type, member.name) }, from && formatMember(from), to && formatMember(to));
    const texts = { from: formatMember(from), to: formatMember(to) };
    const direction = this.#directions.of(type, member.name);
    const change = { element, name: memberKey(type, member.name), ...texts, ...alternativesChanged(from, to) };
    if (direction !== "same") return { ...change, kind: direction, ...this.#reasons(type, from, to) };
    if (texts.from !== texts.to) return { ...change, kind: "equivalent" };
    return from.doc === to.doc ? undefined : { ...change, kind: "documented" };
  }

  #reasons(type: string, from: Member, to: Member): Pick<SchemaChange, "indirect" | "causes"> {
    const causes = this.#directions.causes(type, from, to);
    if (causes.length === 0) return {};
    return { ...(this.#ofText(from, to) === "same" ? { indirect: true } : {}), causes };
  }

  /** How the member stands leaving aside what it uses. */
  #ofText(from: Member, to: Member): Direction {
    if (from.kind === "relation" && to.kind === "relation") return Object.keys(alternativesChanged(from, to)).length === 0 ? "same" : "changed";
    return from.kind === "permission" && to.kind === "permission" ? this.#directions.ofText(from, to) : "changed";
  }
}

/** Calls `compare` for each name: those of `to` in its order, then those that `from` alone has. */
function bothThenGone<Value>(
  from: ReadonlyMap<string, Value>,
  to: ReadonlyMap<string, Value>,
  compare: (from: Value | undefined, to: Value | undefined) => SchemaChange[],
): SchemaChange[] {
  const gone = [...from.keys()].filter((name) => !to.has(name));
  return [...to.keys(), ...gone].flatMap((name) => compare(from.get(name), to.get(name)));
}

function appeared(element: SchemaChange["element"], named: { readonly name: string } | undefined, from: string | undefined, to: string | undefined): SchemaChange | undefined {
  if (named === undefined) return undefined;
  return { element, name: named.name, kind: from === undefined ? "added" : "removed", ...textsOf(from, to) };
}

function textsOf(from: string | undefined, to: string | undefined): Pick<SchemaChange, "from" | "to"> {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function listed(change: SchemaChange | undefined): SchemaChange[] {
  return change === undefined ? [] : [change];
}

function alternativesChanged(from: Member, to: Member): Pick<SchemaChange, "allows" | "forbids"> {
  if (from.kind !== "relation" || to.kind !== "relation") return {};
  const [before, after] = [alternativesOf(from), alternativesOf(to)];
  const allows = [...after].filter((text) => !before.has(text));
  const forbids = [...before].filter((text) => !after.has(text));
  return { ...(allows.length === 0 ? {} : { allows }), ...(forbids.length === 0 ? {} : { forbids }) };
}

function alternativesOf(relation: Relation): ReadonlySet<string> {
  return new Set(relation.subjects.map(formatAllowedSubject));
}

function formatMember(member: Member): string {
  if (member.kind === "relation") return `relation ${member.name}: ${member.subjects.map(formatAllowedSubject).join(" | ")}`;
  const types = member.annotation === undefined ? "" : `: ${member.annotation.join(" | ")}`;
  return `permission ${member.name}${types} = ${formatRewrite(member.rewrite)}`;
}
