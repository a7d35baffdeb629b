/**
 * The type of a condition's parameter, as the schema spells it: `int`, `list<string>`, `map<any>`. A map's
 * keys are strings, so only the type of its values is written.
 */
export type ParameterType =
  | { readonly kind: ScalarKind }
  | { readonly kind: "list" | "map"; readonly element: ParameterType };

type ScalarKind = (typeof scalarKinds)[number];

const scalarKinds = ["any", "bool", "string", "int", "uint", "double", "bytes", "duration", "timestamp", "ipaddress"] as const;

const nestingMax = 8;

/** The type, or undefined where the text is none. White space inside is of no account. */
export function parseParameterType(text: string, nesting = 0): ParameterType | undefined {
  const compact = text.trim();
  const scalar = scalarKinds.find((kind) => kind === compact);
  if (scalar !== undefined) return { kind: scalar };
  const generic = /^(list|map)\s*<(.*)>$/s.exec(compact);
  if (generic === null || nesting === nestingMax) return undefined;
  const element = parseParameterType(generic[2] ?? "", nesting + 1);
  return element && { kind: generic[1] === "list" ? "list" : "map", element };
}

/** As the schema spells it. */
export function formatParameterType(type: ParameterType): string {
  return "element" in type ? `${type.kind}<${formatParameterType(type.element)}>` : type.kind;
}

/** As the CEL library spells it: `map<any>` is `map<string, dyn>`. */
export function celTypeName(type: ParameterType): string {
  switch (type.kind) {
    case "any":
      return "dyn";
    case "list":
      return `list<${celTypeName(type.element)}>`;
    case "map":
      return `map<string, ${celTypeName(type.element)}>`;
    default:
      return type.kind;
  }
}

/** For messages that refuse a type. */
export const parameterTypesText = `${scalarKinds.join(", ")}, list<…>, map<…>`;
