import { createRequire } from "node:module";

import { asError, UsherError } from "../../../base/errors.js";
import { quote } from "../../../model/object.js";
import { conditionText } from "./condition-text.js";
import { readModel, restrictionsOf, type AuthorizationModel, type Restriction, type TypeDefinition, type Userset } from "./model.js";
import { nativeName, tupleRelation, type SubjectShape } from "./names.js";

/** The part of `@openfga/syntax-transformer` that is used here: it is CommonJS, and its types are those of OpenFGA's client. */
interface Transformer {
  readonly transformer: {
    transformDSLToJSONObject(text: string): unknown;
    transformModFileToJSON(text: string): { readonly schema: { readonly value: string }; readonly contents: { readonly value: readonly { readonly value: string }[] } };
    transformModuleFilesToModel(files: readonly ModuleFile[], version: string): unknown;
  };
  readonly validator: { validateJSON(model: object): void };
}

/** One file of a model that is in modules. */
export interface ModuleFile {
  readonly name: string;
  readonly contents: string;
}

let loaded: Transformer | undefined;

/** Its parser takes a while to load: only who has a model to read waits for it. */
function transformer(): Transformer {
  return (loaded ??= createRequire(import.meta.url)("@openfga/syntax-transformer") as Transformer);
}

/** A model's text: OpenFGA's language, or its JSON. @throws `invalid_schema` */
export function parseModel(text: string): AuthorizationModel {
  const isJson = text.trimStart().startsWith("{");
  return readModel(attempt(() => (isJson ? (JSON.parse(text) as unknown) : transformer().transformer.transformDSLToJSONObject(text))));
}

/** The files that an `fga.mod` names, as it names them. @throws `invalid_schema` */
export function moduleNames(modText: string): readonly string[] {
  return attempt(() => transformer().transformer.transformModFileToJSON(modText)).contents.value.map(({ value }) => value);
}

/** A model in modules: its `fga.mod`, and the files that this names. @throws `invalid_schema` */
export function parseModules(modText: string, files: readonly ModuleFile[]): AuthorizationModel {
  const { transformer: rules } = transformer();
  return readModel(attempt(() => rules.transformModuleFilesToModel(files, rules.transformModFileToJSON(modText).schema.value)));
}

/**
 * What OpenFGA's own rules find wrong in a model. Its validator fails on some models that OpenFGA takes (a condition on what `from` follows), and is stricter than
 * the server about what is said twice in a relation, as `a or a`; what it then left unseen, the native schema's own rules still refuse. @throws `invalid_schema`
 */
export function validateModel(model: AuthorizationModel): void {
  try {
    transformer().validator.validateJSON(model);
  } catch (error) {
    const { errors } = error as { readonly errors?: readonly Finding[] };
    if (Array.isArray(errors) && !errors.every(saysTwice)) throw wrongModel(error);
  }
}

interface Finding {
  readonly metadata?: { readonly errorType: string; readonly relation?: string };
}

function saysTwice({ metadata }: Finding): boolean {
  return metadata?.errorType === "duplicated-error" && metadata.relation !== undefined;
}

function attempt<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw wrongModel(error);
  }
}

function wrongModel(error: unknown): UsherError {
  return new UsherError("invalid_schema", `the authorization model is wrong: ${asError(error).message.trim()}`, { cause: error });
}

/**
 * A model as a native schema. Every relation becomes a permission of its name, which is what is asked and what a userset means; its tuples lie in native
 * relations, one for each kind of subject (see `tupleRelation`). So a model may be rewritten, or allow less, and no tuple has to move.
 *
 *     type document                                     definition document {
 *       relations                                         relation owner__is__user: user
 *         define owner: [user]                            permission owner = owner__is__user
 *         define viewer: owner or viewer from parent      permission viewer = owner + parent__is__folder->viewer …
 *
 * @throws `invalid_schema`: what cannot be said
 */
export function convertModel(model: AuthorizationModel): string {
  const types = new Map(model.type_definitions.map((definition) => [definition.type, definition]));
  if (types.size < model.type_definitions.length) throw new UsherError("invalid_schema", "the authorization model defines a type twice");
  const conditions = Object.values(model.conditions ?? {}).map(conditionText);
  const definitions = model.type_definitions.map((definition) => definitionText(definition, types));
  return [...conditions, ...definitions].join("\n");
}

type Types = ReadonlyMap<string, TypeDefinition>;

function definitionText(definition: TypeDefinition, types: Types): string {
  const relations = Object.entries(definition.relations ?? {});
  const tuples = relations.flatMap(([name]) => tupleRelations(definition, name).map(([native, subjects]) => `  relation ${native}: ${subjects.join(" | ")}\n`));
  const permissions = relations.map(([name, rewrite]) => `  permission ${nativeName(name)} = ${unwrapped(rewriteText(rewrite, name, definition, types))}\n`);
  const body = [tuples.join(""), permissions.join("")].filter((part) => part !== "").join("\n");
  return `definition ${nativeName(definition.type)} {${body === "" ? "" : `\n${body}`}}\n`;
}

/** The native relations that hold a relation's tuples, and what each allows. */
function tupleRelations(definition: TypeDefinition, relation: string): [native: string, subjects: readonly string[]][] {
  const byShape = new Map<string, Set<string>>();
  for (const restriction of restrictionsOf(definition, relation)) {
    const native = tupleRelation(relation, shapeOf(restriction));
    byShape.set(native, (byShape.get(native) ?? new Set()).add(subjectText(restriction)));
  }
  return [...byShape].map(([native, subjects]) => [native, [...subjects]]);
}

export function shapeOf({ type, relation = "", wildcard }: Restriction): SubjectShape {
  return { type, relation, wildcard: wildcard !== undefined && wildcard !== null };
}

function subjectText(restriction: Restriction): string {
  const { type, relation, wildcard } = shapeOf(restriction);
  const subject = `${nativeName(type)}${wildcard ? ":*" : relation === "" ? "" : `#${nativeName(relation)}`}`;
  return restriction.condition ? `${subject} with ${nativeName(restriction.condition)}` : subject;
}

/** What has more than one part is in parentheses. */
function rewriteText(rewrite: Userset, relation: string, definition: TypeDefinition, types: Types): string {
  const textOf = (part: Userset) => rewriteText(part, relation, definition, types);
  if ("computedUserset" in rewrite) return nativeName(rewrite.computedUserset.relation);
  if ("tupleToUserset" in rewrite) return arrowsText(rewrite.tupleToUserset.tupleset.relation, rewrite.tupleToUserset.computedUserset.relation, definition, types);
  if ("union" in rewrite) return joined(rewrite.union.child.map(textOf), "+");
  if ("intersection" in rewrite) return joined(rewrite.intersection.child.map(textOf), "&");
  if ("difference" in rewrite) return joined([textOf(rewrite.difference.base), textOf(rewrite.difference.subtract)], "-");
  return joined(tupleRelations(definition, relation).map(([native]) => native), "+");
}

/** An arrow from each type that the relation may be assigned to and that has what is sought there. */
function arrowsText(tupleset: string, sought: string, definition: TypeDefinition, types: Types): string {
  const restrictions = restrictionsOf(definition, tupleset);
  const indirect = restrictions.find((restriction) => restriction.relation || shapeOf(restriction).wildcard);
  if (indirect !== undefined) {
    throw new UsherError("invalid_schema", `relation ${quote(`${definition.type}#${tupleset}`)} allows ${quote(subjectText(indirect))}: what \`from\` follows may be objects alone`);
  }
  const targets = new Set(restrictions.map(({ type }) => type).filter((type) => types.get(type)?.relations?.[sought] !== undefined));
  return joined([...targets].map((type) => `${tupleRelation(tupleset, { type, relation: "", wildcard: false })}->${nativeName(sought)}`), "+");
}

function joined(parts: readonly string[], operator: string): string {
  if (parts.length <= 1) return parts[0] ?? "nil";
  return `(${parts.join(` ${operator} `)})`;
}

/** Without the parentheses around all of it: `joined` puts them around whatever has parts. */
function unwrapped(text: string): string {
  return text.startsWith("(") ? text.slice(1, -1) : text;
}
