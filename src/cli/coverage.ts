import { forEachLeaf } from "../model/schema/leaf.js";
import type { Schema } from "../model/schema/schema.js";
import type { ExpandNode, Explanation } from "../model/service.js";
import type { Output } from "./output.js";
import type { ValidationResult } from "./validation-run.js";

/**
 * `asserted`: an assertion or a validation asks of it. `reached`: the answer to one that asks of something else came by way of
 * it. `never`: nothing would be noticed if it meant something else.
 */
export type Reach = "asserted" | "reached" | "never";

export interface MemberCoverage {
  readonly name: string;
  readonly kind: "relation" | "permission";
  readonly reach: Reach;
}

/** Of one schema, over all the files that bring it. */
export interface SchemaCoverage {
  readonly files: readonly string[];
  readonly definitions: readonly { readonly name: string; readonly members: readonly MemberCoverage[] }[];
}

export interface CoverageReport {
  /** How many of the members were asserted or reached, of 100; of no members, 100. */
  readonly percent: number;
  readonly members: number;
  readonly asserted: number;
  readonly reached: number;
  readonly never: number;
  readonly schemas: readonly SchemaCoverage[];
}

/** Gathers which relations and permissions of which schema the cases of validation files exercise. Files with the same schema text count together. */
export class Coverage {
  readonly #schemas = new Map<string, Exercised>();

  add(file: string, { schema, cases }: ValidationResult): void {
    const exercised = this.#schemas.get(schema.text) ?? new Exercised(schema);
    this.#schemas.set(schema.text, exercised);
    exercised.files.push(file);
    for (const { member, explanation, tree } of cases) {
      exercised.asserted.add(`${member.object.type}#${member.member}`);
      if (explanation !== undefined) exercised.addExplanation(explanation);
      if (tree !== undefined) exercised.addTree(tree, member.member);
    }
  }

  report(): CoverageReport {
    const schemas = [...this.#schemas.values()].map((exercised) => exercised.report());
    const all = schemas.flatMap(({ definitions }) => definitions.flatMap(({ members }) => members));
    const count = (reach: Reach) => all.filter((member) => member.reach === reach).length;
    const [asserted, reached, never] = [count("asserted"), count("reached"), count("never")];
    return { percent: all.length === 0 ? 100 : (100 * (asserted + reached)) / all.length, members: all.length, asserted, reached, never, schemas };
  }
}

class Exercised {
  readonly files: string[] = [];
  /** `type#member`, as all here. */
  readonly asserted = new Set<string>();
  readonly #reached = new Set<string>();
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** The steps of a walk as it ran: what it had no need to look at is not among them. */
  addExplanation(step: Explanation): void {
    if (step.object !== undefined && step.member !== undefined) this.#reached.add(`${step.object.type}#${tuplesetOf(step.member)}`);
    for (const child of step.children) this.addExplanation(child);
  }

  /** An expansion looks at every part of a rewrite, and names in its nodes only those that have tuples or operations of their own. */
  addTree(node: ExpandNode, member: string): void {
    this.#reachAll(node.object.type, member);
    for (const child of node.children) this.addTree(child, tuplesetOf(child.member));
    for (const { subject, expanded } of node.subjects) {
      if (expanded !== undefined) this.addTree(expanded, subject.relation);
    }
  }

  report(): SchemaCoverage {
    const definitions = [...this.#schema.definitions.values()].map(({ name: type, members }) => ({
      name: type,
      members: [...members.values()].map(({ name, kind }): MemberCoverage => ({ name, kind, reach: this.#reachOf(`${type}#${name}`) })),
    }));
    return { files: this.files, definitions };
  }

  /** With all that the member is computed from on the same object. The schema has no permission that is computed from itself there. */
  #reachAll(type: string, name: string): void {
    const member = this.#schema.definitions.get(type)?.members.get(name);
    if (member === undefined) return;
    this.#reached.add(`${type}#${name}`);
    if (member.kind === "relation") return;
    forEachLeaf(member.rewrite, (leaf) => {
      const used = leaf.kind === "computed" ? leaf.name : leaf.kind === "arrow" ? leaf.tupleset : undefined;
      if (used !== undefined && !this.#reached.has(`${type}#${used}`)) this.#reachAll(type, used);
    });
  }

  #reachOf(key: string): Reach {
    if (this.asserted.has(key)) return "asserted";
    return this.#reached.has(key) ? "reached" : "never";
  }
}

/** Of an arrow, `parent->view` or `parent.all(view)`, the relation that it follows; of a member, itself. */
function tuplesetOf(member: string): string {
  return /^\w+/.exec(member)?.[0] ?? member;
}

/** A line for the whole; then each definition that is not asserted throughout. */
export function coverageText(report: CoverageReport, output: Pick<Output, "style">): string {
  const { members, asserted, reached, never } = report;
  const lines = [`coverage  ${percentText(report.percent)} of ${members} relations and permissions: ${asserted} asserted, ${reached} reached, ${never} never reached`];
  for (const { files, definitions } of report.schemas) {
    if (report.schemas.length > 1) lines.push(`  ${output.style("dim", files.join(", "))}`);
    for (const { name, members: each } of definitions) {
      const named = (reach: Reach) => each.filter((member) => member.reach === reach).map((member) => member.name);
      const missing = [reachText("never reached", named("never"), output), reachText("reached", named("reached"), output)].filter((text) => text !== "");
      if (missing.length > 0) lines.push(`  ${output.style("bold", name)}  ${missing.join("; ")}`);
    }
  }
  return lines.join("\n");
}

function reachText(what: "never reached" | "reached", names: readonly string[], output: Pick<Output, "style">): string {
  return names.length === 0 ? "" : `${output.style(what === "reached" ? "yellow" : "red", what)} ${names.join(", ")}`;
}

/** Rounded down, so that only all of it is 100 %. */
export function percentText(percent: number): string {
  return `${Math.floor(percent * 10) / 10} %`;
}
