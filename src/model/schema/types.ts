import type { Condition } from "../conditions/condition.js";
import { parseParameterType, type ParameterType } from "../conditions/parameter-type.js";
import { append } from "./multimap.js";
import type { Definition, Permission, Relation, Schema } from "./schema.js";

/**
 * A TypeScript module with the types of a schema, for `typed<Schema>(usher)`: see `client/typed.ts` for their form. It
 * imports nothing, and nothing of it is left at run time. The same schema always gives the same text.
 */
export function formatSchemaTypes(schema: Schema): string {
  const lines = [
    "// Generated from a schema by `usher schema types`: generate it again when the schema changes.",
    "",
    "/** For `typed<Schema>(usher)`: what does not fit the schema does not compile. */",
    "export type Schema = {",
    "  readonly objects: {",
    ...[...schema.definitions.values()].flatMap(definitionLines),
    "  };",
    "  /** What conditions read, all of them optional: a tuple may store a part. */",
    "  readonly context: {",
    ...contextLines([...schema.conditions.values()]),
    "  };",
    "};",
    "",
    "/** A type of object. */",
    'export type ObjectType = keyof Schema["objects"];',
    "",
    "/** A relation of a type, to which tuples are written. */",
    'export type Relation<Type extends ObjectType> = keyof Schema["objects"][Type]["relations"];',
    "",
    "/** A permission of a type, which is computed. */",
    'export type Permission<Type extends ObjectType> = keyof Schema["objects"][Type]["permissions"];',
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function definitionLines({ name, doc, members }: Definition): string[] {
  const relations = [...members.values()].filter((member): member is Relation => member.kind === "relation");
  const permissions = [...members.values()].filter((member): member is Permission => member.kind === "permission");
  return [
    ...commentLines(doc, "    "),
    `    readonly ${JSON.stringify(name)}: {`,
    ...block("relations", relations.flatMap((relation) => memberLines(relation, subjectsOf(relation)))),
    ...block("permissions", permissions.flatMap((permission) => memberLines(permission, "true"))),
    "    };",
  ];
}

function block(name: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [`      readonly ${name}: {};`] : [`      readonly ${name}: {`, ...lines, "      };"];
}

function memberLines({ name, doc }: Relation | Permission, type: string): string[] {
  return [...commentLines(doc, "        "), `        readonly ${JSON.stringify(name)}: ${type};`];
}

/** `"user" | "team#member" | "user:*"`: whether a condition or an expiration goes with it is not told. */
function subjectsOf({ subjects }: Relation): string {
  const texts = subjects.map(({ type, relation, wildcard }) => `${type}${wildcard ? ":*" : relation === "" ? "" : `#${relation}`}`);
  return [...new Set(texts)].map((text) => JSON.stringify(text)).join(" | ");
}

/** A name that several conditions declare may have each of their types. */
function contextLines(conditions: readonly Condition[]): string[] {
  const types = new Map<string, string[]>();
  const users = new Map<string, string[]>();
  for (const { name, parameters } of conditions) {
    for (const [parameter, text] of parameters) {
      append(users, parameter, name);
      append(types, parameter, typeText(parseParameterType(text)));
    }
  }
  return [...types].flatMap(([parameter, texts]) => [
    `    /** Read by ${(users.get(parameter) ?? []).join(", ")}. */`,
    `    readonly ${JSON.stringify(parameter)}?: ${[...new Set(texts)].join(" | ")};`,
  ]);
}

/** The JSON that a parameter of the type takes: integers also come as text, since a number is exact to 2^53 only. */
function typeText(type: ParameterType | undefined): string {
  switch (type?.kind) {
    case "bool":
      return "boolean";
    case "int":
    case "uint":
    case "double":
      return "number | string";
    case "string":
    case "bytes":
    case "duration":
    case "timestamp":
    case "ipaddress":
      return "string";
    case "list":
      return `readonly (${typeText(type.element)})[]`;
    case "map":
      return `{ readonly [key: string]: ${typeText(type.element)} }`;
    default:
      return "unknown";
  }
}

function commentLines(doc: string, indent: string): string[] {
  const [first, ...rest] = doc.replaceAll("*/", "*\\/").split(/\r\n|\r|\n/).map((line) => line.trim());
  if (first === undefined || doc.trim() === "") return [];
  if (rest.length === 0) return [`${indent}/** ${first} */`];
  return [`${indent}/**`, ...[first, ...rest].map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`];
}
