import type { Condition } from "../../../model/conditions/condition.js";
import { formatRewrite } from "../../../model/schema/rewrite-text.js";
import type { AllowedSubject, Definition, Permission, Relation } from "../../../model/schema/schema.js";

export interface DefinitionMessage {
  readonly name: string;
  readonly comment: string;
  readonly relations: readonly RelationMessage[];
  readonly permissions: readonly PermissionMessage[];
}

export interface RelationMessage {
  readonly name: string;
  readonly comment: string;
  readonly parentDefinitionName: string;
  readonly subjectTypes: readonly TypeMessage[];
}

export interface PermissionMessage {
  readonly name: string;
  readonly comment: string;
  readonly parentDefinitionName: string;
}

export interface TypeMessage {
  readonly subjectDefinitionName: string;
  readonly optionalCaveatName: string;
  readonly isTerminalSubject?: boolean;
  readonly optionalRelationName?: string;
  readonly isPublicWildcard?: boolean;
}

export interface CaveatMessage {
  readonly name: string;
  readonly comment: string;
  readonly parameters: readonly ParameterMessage[];
  readonly expression: string;
}

export interface ParameterMessage {
  readonly name: string;
  readonly type: string;
  readonly parentCaveatName: string;
}

export function writeDefinition({ name, doc, members }: Definition): DefinitionMessage {
  const all = [...members.values()];
  return {
    name,
    comment: doc,
    relations: all.filter((member) => member.kind === "relation").map((relation) => writeRelation(name, relation)),
    permissions: all.filter((member) => member.kind === "permission").map((permission) => writePermission(name, permission)),
  };
}

export function writeRelation(parentDefinitionName: string, { name, doc, subjects }: Relation): RelationMessage {
  return { name, comment: doc, parentDefinitionName, subjectTypes: subjects.map(writeType) };
}

export function writePermission(parentDefinitionName: string, { name, doc }: Permission): PermissionMessage {
  return { name, comment: doc, parentDefinitionName };
}

export function writeType({ type, relation, wildcard, condition = "" }: AllowedSubject): TypeMessage {
  const named = { subjectDefinitionName: type, optionalCaveatName: condition };
  if (wildcard) return { ...named, isPublicWildcard: true };
  return relation === "" ? { ...named, isTerminalSubject: true } : { ...named, optionalRelationName: relation };
}

export function writeCaveat({ name, doc, parameters, expression }: Condition): CaveatMessage {
  return { name, comment: doc, parameters: [...parameters].sort(([a], [b]) => (a < b ? -1 : 1)).map(([parameter, type]) => writeParameter(name, parameter, type)), expression };
}

/** What SpiceDB lists, it lists by name. */
export function byName<Named extends { readonly name: string }>(list: readonly Named[]): Named[] {
  return [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function writeParameter(parentCaveatName: string, name: string, type: string): ParameterMessage {
  return { name, type, parentCaveatName };
}

/** What a permission says, by which two are compared. */
export function expressionOf({ rewrite }: Permission): string {
  return formatRewrite(rewrite);
}
