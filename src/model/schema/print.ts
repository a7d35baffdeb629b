import { unreachable } from "../../base/assert.js";
import { allowedSubject, formatAllowedSubject } from "./alternative.js";
import type { CaveatSyntax, ExpressionSyntax, MemberSyntax, UseSyntax } from "./syntax.js";

/** The lines of a statement other than a definition, without indentation. */
export function printStatement(statement: UseSyntax | CaveatSyntax | MemberSyntax): string[] {
  switch (statement.kind) {
    case "use":
      return [`use ${statement.flag}`];
    case "caveat":
      return printCaveat(statement);
    case "relation":
      return [`relation ${statement.name.text}: ${statement.subjects.map((subject) => formatAllowedSubject(allowedSubject(subject))).join(" | ")}`];
    case "permission": {
      const types = statement.annotation === undefined ? "" : `: ${statement.annotation.map((type) => type.text).join(" | ")}`;
      return [`permission ${statement.name.text}${types} = ${printExpression(statement.expression)}`];
    }
    case "include":
      return [`...${statement.name.text}`];
    case "broken":
      return [];
    default:
      return unreachable(statement);
  }
}

/** The expression stays as it is: its white space may be part of a string. */
function printCaveat(caveat: CaveatSyntax): string[] {
  const parameters = caveat.parameters.map(({ name, type }) => `${name.text} ${type.text}`).join(", ");
  return [`caveat ${caveat.name.text}(${parameters}) {`, `\t${caveat.expression?.text ?? ""}`, "}"];
}

/** How tight an expression holds together; an operand must hold tighter than the operation around it. */
const tightness = { exclusion: 1, intersection: 2, union: 3, name: 4, arrow: 4, self: 4, nil: 4 } as const;

function printExpression(expression: ExpressionSyntax): string {
  switch (expression.kind) {
    case "union":
      return expression.operands.map((operand) => printOperand(operand, tightness.union + 1)).join(" + ");
    case "intersection":
      return expression.operands.map((operand) => printOperand(operand, tightness.intersection + 1)).join(" & ");
    case "exclusion":
      // On the left another exclusion needs no parentheses: `a - b - c` is `(a - b) - c`.
      return `${printOperand(expression.base, tightness.exclusion)} - ${printOperand(expression.subtracted, tightness.exclusion + 1)}`;
    case "name":
      return expression.text;
    case "arrow": {
      const { tupleset, permission, quantifier } = expression;
      return quantifier === "any" ? `${tupleset.text}->${permission.text}` : `${tupleset.text}.all(${permission.text})`;
    }
    case "self":
    case "nil":
      return expression.kind;
    default:
      return unreachable(expression);
  }
}

function printOperand(operand: ExpressionSyntax, atLeast: number): string {
  const text = printExpression(operand);
  return tightness[operand.kind] < atLeast ? `(${text})` : text;
}
