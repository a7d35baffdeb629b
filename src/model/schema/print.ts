import { unreachable } from "../../base/assert.js";
import { allowedSubject, formatAllowedSubject } from "./alternative.js";
import { compileExpression } from "./compile.js";
import { formatRewrite } from "./rewrite-text.js";
import type { CaveatSyntax, MemberSyntax, UseSyntax } from "./syntax.js";

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
      return [`permission ${statement.name.text}${types} = ${formatRewrite(compileExpression(statement.expression))}`];
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
