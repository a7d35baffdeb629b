import { unreachable } from "../../base/assert.js";
import type { Rewrite } from "./rewrite.js";

/** How tight a rewrite holds together; an operand must hold tighter than the operation around it. */
const tightness = { exclusion: 1, intersection: 2, union: 3, computed: 4, arrow: 4, self: 4, nil: 4 } as const;

/** As the language writes it, with parentheses only where they are needed: `(viewer + owner) & parent->view - banned`. */
export function formatRewrite(rewrite: Rewrite): string {
  switch (rewrite.kind) {
    case "union":
      return rewrite.operands.map((operand) => formatOperand(operand, tightness.union + 1)).join(" + ");
    case "intersection":
      return rewrite.operands.map((operand) => formatOperand(operand, tightness.intersection + 1)).join(" & ");
    case "exclusion":
      // On the left another exclusion needs no parentheses: `a - b - c` is `(a - b) - c`.
      return `${formatOperand(rewrite.base, tightness.exclusion)} - ${formatOperand(rewrite.subtracted, tightness.exclusion + 1)}`;
    case "computed":
      return rewrite.name;
    case "arrow":
      return rewrite.quantifier === "any" ? `${rewrite.tupleset}->${rewrite.permission}` : `${rewrite.tupleset}.all(${rewrite.permission})`;
    case "self":
    case "nil":
      return rewrite.kind;
    default:
      return unreachable(rewrite);
  }
}

function formatOperand(operand: Rewrite, atLeast: number): string {
  const text = formatRewrite(operand);
  return tightness[operand.kind] < atLeast ? `(${text})` : text;
}
