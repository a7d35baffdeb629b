import { limits } from "../../base/limits.js";
import { compileCondition, ConditionError } from "../conditions/compile.js";
import type { Condition } from "../conditions/condition.js";
import { quote } from "../object.js";
import { namesIn } from "./celtext.js";
import type { Diagnostics } from "./diagnostics.js";
import type { Span } from "./source.js";
import type { CaveatSyntax, Name } from "./syntax.js";

/** The condition of a caveat; undefined when something is wrong with it, which is reported. */
export function compileCaveat(caveat: CaveatSyntax, diagnostics: Diagnostics): Condition | undefined {
  const { name, doc, expression } = caveat;
  if (expression === undefined) return undefined;
  const parameters = checkParameters(caveat, expression, diagnostics);
  if (parameters === undefined) return undefined;
  try {
    return compileCondition({ name: name.text, doc, parameters, expression: expression.text });
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    diagnostics.error(placeOf(error, caveat, expression), `caveat ${quote(name.text)}: ${error.message}`);
    return undefined;
  }
}

function checkParameters(caveat: CaveatSyntax, expression: Name, diagnostics: Diagnostics): Map<string, string> | undefined {
  const { name, parameters } = caveat;
  if (parameters.length > limits.conditionParametersMax) {
    diagnostics.error(name, `caveat ${quote(name.text)} has more than ${limits.conditionParametersMax} parameters`);
    return undefined;
  }
  if (expression.text === "") {
    diagnostics.error(name, `caveat ${quote(name.text)} has no expression between its braces`);
    return undefined;
  }
  const used = namesIn(expression.text);
  const types = new Map<string, string>();
  let sound = true;
  for (const parameter of parameters) {
    const { text } = parameter.name;
    const wrong = types.has(text) ? "is declared twice" : used.has(text) ? undefined : "is never used: use it, or take it out";
    if (wrong !== undefined) {
      diagnostics.error(parameter.name, `parameter ${quote(text)} of caveat ${quote(name.text)} ${wrong}`);
      sound = false;
    }
    types.set(text, parameter.type.text);
  }
  return sound ? types : undefined;
}

/** Where an error of the condition's compiler stands in the schema's text. */
function placeOf(error: ConditionError, caveat: CaveatSyntax, expression: Name): Span {
  const parameter = caveat.parameters.find(({ name }) => name.text === error.parameter);
  if (parameter !== undefined) return parameter.type;
  const start = Math.min(expression.start + Math.max(0, error.offset), expression.end);
  return { start, end: Math.min(start + Math.max(1, error.length), Math.max(expression.end, start + 1)) };
}
