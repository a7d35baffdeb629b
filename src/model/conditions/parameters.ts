import { limits } from "../../base/limits.js";
import { isName, quote } from "../object.js";
import { ConditionError } from "./condition-error.js";
import { environment, hiddenName } from "./environment.js";
import { parameterTypesText, parseParameterType, type ParameterType } from "./parameter-type.js";

/** The reserved parameter that the server fills: the instant of the evaluation. */
export const nowParameter = "now";

export interface Parameter {
  readonly name: string;
  readonly type: ParameterType;
  /** What the library knows it by: another name where its own is a type's in CEL (`type`, `list`). */
  readonly variable: string;
  readonly index: number;
}

/** The parameters by name, in order. @throws ConditionError */
export function declareParameters(declared: ReadonlyMap<string, string>): ReadonlyMap<string, Parameter> {
  const parameters = new Map<string, Parameter>();
  for (const [name, text] of declared) {
    const refuse = (message: string) => new ConditionError(message, 0, 0, name);
    if (!isName(name)) throw refuse(`parameter ${quote(name)} is not a name`);
    if (parameters.size === limits.conditionParametersMax) {
      throw refuse(`a condition has at most ${limits.conditionParametersMax} parameters`);
    }
    const type = parseParameterType(text);
    if (type === undefined) throw refuse(`parameter ${quote(name)} has type ${quote(text)}, expected one of ${parameterTypesText}`);
    if (name === nowParameter && type.kind !== "timestamp") {
      throw refuse("parameter `now` is filled by the server and must be declared `timestamp`");
    }
    const variable = environment.hasVariable(name) ? hiddenName(name) : name;
    parameters.set(name, { name, type, variable, index: parameters.size });
  }
  return parameters;
}
