import { unreachable } from "../base/assert.js";
import { formatObject } from "../model/object.js";
import type { Decision, Explanation } from "../model/service.js";
import { formatTuple } from "../model/tuple.js";
import type { Output, Style } from "./output.js";
import { drawTree, type Tree } from "./tree.js";

export type Result = "allowed" | "denied" | "conditional";

export function resultOf(decision: Pick<Decision, "allowed" | "missingFields">): Result {
  if (decision.missingFields.length > 0) return "conditional";
  return decision.allowed ? "allowed" : "denied";
}

export const resultStyles: Readonly<Record<Result, Style>> = { allowed: "green", denied: "red", conditional: "yellow" };

const marks: Readonly<Record<Explanation["answer"], { readonly mark: string; readonly style: Style }>> = {
  allowed: { mark: "✓", style: "green" },
  denied: { mark: "✗", style: "red" },
  conditional: { mark: "?", style: "yellow" },
  undecided: { mark: "!", style: "magenta" },
};

/** An explanation as a tree, each step with what it came to: ✓ allowed, ✗ denied, ? conditional, ! undecided. */
export function drawExplanation(explanation: Explanation, output: Pick<Output, "style">): string {
  const tree = (step: Explanation): Tree => ({ label: label(step, output), children: step.children.map(tree) });
  return drawTree(tree(explanation));
}

function label(step: Explanation, output: Pick<Output, "style">): string {
  const { mark, style } = marks[step.answer];
  const missing = step.missingFields === undefined || step.missingFields.length === 0 ? undefined : `needs ${step.missingFields.join(", ")}`;
  const notes = step.note === undefined ? missing : step.note;
  return `${output.style(style, mark)} ${stepText(step)}${notes === undefined ? "" : output.style("dim", `  ${notes}`)}`;
}

function stepText(step: Explanation): string {
  switch (step.kind) {
    case "union": return "any of";
    case "intersection": return "all of";
    case "exclusion": return "the first, without the second";
    case "nil": return step.member === undefined ? "nil" : memberText(step);
    case "self": return `self${step.object === undefined ? "" : ` ${formatObject(step.object)}`}`;
    case "identity": return `${memberText(step)} itself`;
    case "tuple": return step.tuple === undefined ? "tuple" : formatTuple(step.tuple);
    case "permission":
    case "relation":
    case "arrow":
    case "cycle":
    case "memo": return step.tuple === undefined ? memberText(step) : formatTuple(step.tuple);
    default: return unreachable(step.kind);
  }
}

function memberText(step: Explanation): string {
  const object = step.object === undefined ? "" : formatObject(step.object);
  return step.member === undefined ? object : `${object}#${step.member}`;
}
