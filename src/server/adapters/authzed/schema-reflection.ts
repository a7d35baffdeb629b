import { UsherError } from "../../../base/errors.js";
import { quote } from "../../../model/object.js";
import { compileSchema } from "../../../model/schema/compile.js";
import type { Definition, Schema } from "../../../model/schema/schema.js";
import type { Call, Consistency } from "../../../model/service.js";
import { readConsistency, type ConsistencyMessage, type Reads, type TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";
import { permissionsOver, relationsUnder, type MemberName } from "./dependencies.js";
import { byName, writeCaveat, writeDefinition, type CaveatMessage, type DefinitionMessage } from "./reflection.js";
import { reasoned } from "./reasons.js";
import { diffsOf, type DiffMessage } from "./schema-diff.js";

interface AskMessage {
  readonly consistency?: ConsistencyMessage | null;
}

interface FilterMessage {
  readonly optionalDefinitionNameFilter: string;
  readonly optionalCaveatNameFilter: string;
  readonly optionalRelationNameFilter: string;
  readonly optionalPermissionNameFilter: string;
}

interface ReflectRequestMessage extends AskMessage {
  readonly optionalFilters: readonly FilterMessage[];
}

interface ComputableRequestMessage extends AskMessage {
  readonly definitionName: string;
  readonly relationName: string;
  readonly optionalDefinitionNameFilter: string;
}

interface DependentRequestMessage extends AskMessage {
  readonly definitionName: string;
  readonly permissionName: string;
}

interface DiffRequestMessage extends AskMessage {
  readonly comparisonSchema: string;
}

/** What is asked of the schema at a snapshot. */
export interface SchemaQuestion<Answer> {
  readonly consistency: Consistency | undefined;
  readonly answer: (schema: Schema) => Answer;
}

export interface SchemaAnswer<Answer> {
  readonly zookie: string;
  readonly answer: Answer;
}

/** The definitions and caveats that were asked for. */
export interface Reflected {
  readonly definitions: readonly DefinitionMessage[];
  readonly caveats: readonly CaveatMessage[];
}

interface ReferenceMessage {
  readonly definitionName: string;
  readonly relationName: string;
  readonly isPermission: boolean;
}

export const reflectRequest = new RequestReader<SchemaQuestion<Reflected>, ReflectRequestMessage>("ReflectSchemaRequest", ({ consistency, optionalFilters }) => {
  optionalFilters.forEach(checkFilter);
  return { consistency: readConsistency(consistency), answer: (schema) => reflected(schema, optionalFilters) };
});

export const reflectResponse = new ResponseWriter<SchemaAnswer<Reflected>, Reflected & { readonly readAt: TokenMessage }>("ReflectSchemaResponse", ({ zookie, answer }) => ({
  ...answer,
  readAt: { token: zookie },
}));

export const computableRequest = new RequestReader<SchemaQuestion<readonly MemberName[]>, ComputableRequestMessage>("ComputablePermissionsRequest", (message) => ({
  consistency: readConsistency(message.consistency),
  answer: (schema) => {
    const named = memberOf(schema, message.definitionName, message.relationName);
    return permissionsOver(schema, named).filter(({ type }) => type.startsWith(message.optionalDefinitionNameFilter));
  },
}));

export const computableResponse = new ResponseWriter<SchemaAnswer<readonly MemberName[]>, { readonly permissions: readonly ReferenceMessage[]; readonly readAt: TokenMessage }>(
  "ComputablePermissionsResponse",
  ({ zookie, answer }) => ({ permissions: answer.map(writeReference), readAt: { token: zookie } }),
);

export const dependentRequest = new RequestReader<SchemaQuestion<readonly MemberName[]>, DependentRequestMessage>("DependentRelationsRequest", (message) => ({
  consistency: readConsistency(message.consistency),
  answer: (schema) => {
    const named = memberOf(schema, message.definitionName, message.permissionName);
    if (named.kind === "permission") return relationsUnder(schema, named);
    const why = `${quote(message.permissionName)} is a relation, which rests on nothing: name a permission`;
    throw reasoned("invalid_request", "ERROR_REASON_UNKNOWN_RELATION_OR_PERMISSION", why, { field: "permission_name", relationName: message.permissionName });
  },
}));

export const dependentResponse = new ResponseWriter<SchemaAnswer<readonly MemberName[]>, { readonly relations: readonly ReferenceMessage[]; readonly readAt: TokenMessage }>(
  "DependentRelationsResponse",
  ({ zookie, answer }) => ({ relations: answer.map(writeReference), readAt: { token: zookie } }),
);

export const diffRequest = new RequestReader<SchemaQuestion<readonly DiffMessage[]>, DiffRequestMessage>("DiffSchemaRequest", ({ consistency, comparisonSchema }) => {
  const to = compileSchema(comparisonSchema);
  return { consistency: readConsistency(consistency), answer: (from) => diffsOf(from, to) };
});

export const diffResponse = new ResponseWriter<SchemaAnswer<readonly DiffMessage[]>, { readonly diffs: readonly DiffMessage[]; readonly readAt: TokenMessage }>("DiffSchemaResponse", ({ zookie, answer }) => ({
  diffs: answer,
  readAt: { token: zookie },
}));

export async function answerOfSchema<Answer>(reads: Reads, { consistency, answer }: SchemaQuestion<Answer>, call: Call): Promise<SchemaAnswer<Answer>> {
  const { text, zookie } = await reads.readSchema(consistency === undefined ? {} : { consistency }, call);
  return { zookie, answer: answer(compileSchema(text)) };
}

function writeReference({ type, name, kind }: MemberName): ReferenceMessage {
  return { definitionName: type, relationName: name, isPermission: kind === "permission" };
}

function memberOf(schema: Schema, type: string, name: string): MemberName {
  const definition = schema.definitions.get(type);
  if (definition === undefined) throw reasoned("unknown_type", "ERROR_REASON_SCHEMA_TYPE_ERROR", `unknown type ${quote(type)}: the schema does not define it`, { type });
  const member = definition.members.get(name);
  if (member !== undefined) return { type, name, kind: member.kind };
  throw new UsherError("unknown_relation", `type ${quote(type)} has no relation or permission ${quote(name)}`, { details: { type, relation: name } });
}

function checkFilter(filter: FilterMessage): void {
  const { optionalDefinitionNameFilter: definition, optionalCaveatNameFilter: caveat, optionalRelationNameFilter: relation, optionalPermissionNameFilter: permission } = filter;
  const refused = (why: string) => new UsherError("invalid_filter", `a schema filter ${why}`, { details: { field: "optional_filters" } });
  if (definition === "" && caveat === "") throw refused(relation + permission === "" ? "is empty: name a definition or a caveat" : "names members without their definition: name that too");
  if (definition !== "" && caveat !== "") throw refused("names both a definition and a caveat: give one filter for each");
  if (relation !== "" && permission !== "") throw refused("names both a relation and a permission: give one filter for each");
  if (caveat !== "" && relation + permission !== "") throw refused("names members of a caveat, which has none");
}

function reflected({ definitions, conditions }: Schema, filters: readonly FilterMessage[]): Reflected {
  const all = filters.length === 0;
  return {
    definitions: byName([...definitions.values()]).flatMap((definition) => {
      const named = filters.filter(({ optionalDefinitionNameFilter: prefix }) => prefix !== "" && definition.name.startsWith(prefix));
      if (!all && named.length === 0) return [];
      return [narrowed(definition, named)];
    }),
    caveats: byName([...conditions.values()]).filter(({ name }) => all || filters.some(({ optionalCaveatNameFilter: prefix }) => prefix !== "" && name.startsWith(prefix))).map(writeCaveat),
  };
}

/** With the members that one of the filters shows; a filter that names none shows all. */
function narrowed(definition: Definition, filters: readonly FilterMessage[]): DefinitionMessage {
  const { relations, permissions, ...rest } = writeDefinition(definition);
  const shown = (name: string, prefix: keyof FilterMessage, other: keyof FilterMessage) =>
    filters.length === 0 || filters.some((filter) => (filter[prefix] === "" ? filter[other] === "" : name.startsWith(filter[prefix])));
  return {
    ...rest,
    relations: relations.filter(({ name }) => shown(name, "optionalRelationNameFilter", "optionalPermissionNameFilter")),
    permissions: permissions.filter(({ name }) => shown(name, "optionalPermissionNameFilter", "optionalRelationNameFilter")),
  };
}
