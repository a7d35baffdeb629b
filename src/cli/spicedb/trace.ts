import type { Output, Style } from "../output.js";
import { drawTree, type Tree } from "../tree.js";
import type { TraceMessage } from "./messages.js";

/** By `CheckDebugTrace.Permissionship`. */
const marks: readonly { readonly mark: string; readonly style: Style }[] = [
  { mark: "!", style: "magenta" },
  { mark: "✗", style: "red" },
  { mark: "✓", style: "green" },
  { mark: "?", style: "yellow" },
];

/** By `CaveatEvalInfo.Result`. */
const caveatResults = ["", "not evaluated", "false", "true", "needs context"];

/** SpiceDB's trace as the tree that an explanation of ours is drawn as. */
export function drawTrace(trace: TraceMessage, output: Pick<Output, "style">): string {
  const tree = (step: TraceMessage): Tree => ({ label: label(step, output), children: (step.subProblems?.traces ?? []).map(tree) });
  return drawTree(tree(trace));
}

function label({ resource, permission, subject, result, caveatEvaluationInfo: caveat, wasCachedResult }: TraceMessage, output: Pick<Output, "style">): string {
  const { mark, style } = marks[result] ?? { mark: "!", style: "magenta" };
  const userset = subject?.optionalRelation ? `#${subject.optionalRelation}` : "";
  const notes = [caveat ? `${caveat.caveatName}: ${caveatResults[caveat.result] ?? ""}` : "", wasCachedResult ? "cached" : ""].filter((note) => note !== "");
  const question = `${resource?.objectType ?? ""}:${resource?.objectId ?? ""}#${permission}@${subject?.object?.objectType ?? ""}:${subject?.object?.objectId ?? ""}${userset}`;
  return `${output.style(style, mark)} ${question}${notes.length === 0 ? "" : output.style("dim", `  ${notes.join("  ")}`)}`;
}
