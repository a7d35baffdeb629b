import { limits } from "../../base/limits.js";
import { quote } from "../object.js";
import { SyntaxFailure, type Cursor } from "./cursor.js";
import type { Diagnostics } from "./diagnostics.js";
import type { CaveatSyntax, Name, ParameterSyntax } from "./syntax.js";

/** `caveat name(parameter type, …) { CEL }`, from behind the keyword. What is wrong behind the name is reported, and the name kept. */
export function parseCaveat(cursor: Cursor, diagnostics: Diagnostics, start: number, doc: string): CaveatSyntax {
  const name = cursor.typeName("a caveat");
  let parameters: ParameterSyntax[] = [];
  let expression: Name | undefined;
  try {
    parameters = parseParameters(cursor, name);
    if (!cursor.at("{")) cursor.unexpected(`\`{\` after the parameters of ${quote(name.text)}`);
    expression = cursor.readExpression();
  } catch (failure) {
    if (!(failure instanceof SyntaxFailure)) throw failure;
    diagnostics.error(failure.span, failure.message);
    skipBody(cursor);
  }
  return { kind: "caveat", name, doc, parameters, expression, ...cursor.spanFrom(start) };
}

function parseParameters(cursor: Cursor, caveat: Name): ParameterSyntax[] {
  cursor.expect("(", `after \`caveat ${caveat.text}\``);
  if (cursor.at(")")) cursor.fail(`caveat ${quote(caveat.text)} needs at least one parameter`);
  const parameters: ParameterSyntax[] = [];
  do {
    const name = cursor.name("a parameter");
    parameters.push({ name, type: parseType(cursor, 0) });
  } while (cursor.take(",") !== undefined);
  cursor.expect(")", "after the parameters");
  return parameters;
}

/** `string`, `list<string>`, `map<list<any>>`: which of them exist, the condition's compiler knows. */
function parseType(cursor: Cursor, depth: number): Name {
  if (depth >= limits.schemaNestingMax) cursor.fail(`type nests deeper than ${limits.schemaNestingMax}`);
  const { text, start } = cursor.name("a parameter's type");
  if (cursor.take("<") === undefined) return { text, ...cursor.spanFrom(start) };
  const inner = [parseType(cursor, depth + 1).text];
  while (cursor.take(",") !== undefined) inner.push(parseType(cursor, depth + 1).text);
  cursor.expect(">", `to close \`${text}<\``);
  return { text: `${text}<${inner.join(", ")}>`, ...cursor.spanFrom(start) };
}

/** Behind a failure in the parameters: past the body if one follows, else to the next declaration. */
function skipBody(cursor: Cursor): void {
  while (!cursor.atEnd && !cursor.at("{") && !(cursor.token.startsLine && /^(definition|caveat|partial|use)$/.test(cursor.token.text))) cursor.advance();
  if (!cursor.at("{")) return;
  try {
    cursor.readExpression();
  } catch (failure) {
    if (!(failure instanceof SyntaxFailure)) throw failure;
  }
}
