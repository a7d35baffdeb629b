import { UsherError } from "../../../base/errors.js";
import { quote } from "../../../model/object.js";
import type { Condition, ParameterType } from "./model.js";
import { nativeName } from "./names.js";

const scalars: Readonly<Record<string, string>> = {
  TYPE_NAME_ANY: "any",
  TYPE_NAME_BOOL: "bool",
  TYPE_NAME_STRING: "string",
  TYPE_NAME_INT: "int",
  TYPE_NAME_UINT: "uint",
  TYPE_NAME_DOUBLE: "double",
  TYPE_NAME_DURATION: "duration",
  TYPE_NAME_TIMESTAMP: "timestamp",
  TYPE_NAME_IPADDRESS: "ipaddress",
};

const generics: Readonly<Record<string, string>> = { TYPE_NAME_LIST: "list", TYPE_NAME_MAP: "map" };

/** Strings first, raw ones too, so that nothing in them is taken for a name; then a name, with the dot that makes it a field. */
const piece = /[rRbB]{0,2}(?:"""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\/\/[^\n]*|\.?\s*[A-Za-z_][A-Za-z0-9_]*/g;

/**
 * A condition as the schema language writes it.
 *
 *     condition in_hours(hour: int, open: bool) { open || hour > 8 }
 *
 *     caveat in_hours(hour int, open bool) {
 *       [hour, open].size() == 2 ? (open || hour > 8) : false
 *     }
 *
 * OpenFGA refuses to decide a condition that lacks a parameter, also where the others alone decide it: the list, which needs them all, comes first
 * wherever the expression might do without one.
 * @throws `invalid_schema`
 */
export function conditionText({ name, expression, parameters = {} }: Condition): string {
  const names = Object.keys(parameters);
  if (names.length === 0) throw new UsherError("invalid_schema", `condition ${quote(name)} has no parameter: the native schema needs one`);
  const declared = Object.entries(parameters).map(([parameter, type]) => `${nativeName(parameter)} ${typeText(type, name)}`);
  const { text, used } = renamed(expression.trim(), new Set(names));
  const strict = names.every((each) => used.has(each)) && !/\|\||&&|\?|\b(?:all|exists|exists_one|map|filter)\b/.test(text);
  const body = strict ? text : `[${names.map(nativeName).join(", ")}].size() == ${names.length} ? (${text}${text.includes("//") ? "\n" : ""}) : false`;
  return `caveat ${nativeName(name)}(${declared.join(", ")}) {\n  ${body}\n}\n`;
}

function typeText({ type_name: name, generic_types: [element] = [] }: ParameterType, condition: string): string {
  const scalar = scalars[name];
  if (scalar !== undefined) return scalar;
  const generic = generics[name];
  if (generic !== undefined && element !== undefined) return `${generic}<${typeText(element, condition)}>`;
  throw new UsherError("invalid_schema", `condition ${quote(condition)} has a parameter of type ${quote(name)}, which the native schema has not`);
}

/** The expression with its parameters under their native names, and which of them it names. */
function renamed(expression: string, parameters: ReadonlySet<string>): { readonly text: string; readonly used: ReadonlySet<string> } {
  const used = new Set<string>();
  const text = expression.replace(piece, (found) => {
    if (!parameters.has(found.trim())) return found;
    used.add(found.trim());
    return found.replace(found.trim(), nativeName(found.trim()));
  });
  return { text, used };
}
