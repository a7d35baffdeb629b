import type { Condition } from "../../../model/conditions/condition.js";
import type { AllowedSubject, Definition, Permission, Relation, Schema } from "../../../model/schema/schema.js";
import {
  expressionOf, writeCaveat, writeDefinition, writeParameter, writePermission, writeRelation, writeType,
  type CaveatMessage, type DefinitionMessage, type ParameterMessage, type PermissionMessage, type RelationMessage, type TypeMessage,
} from "./reflection.js";

interface TypeChangeMessage {
  readonly relation: RelationMessage;
  readonly changedSubjectType: TypeMessage;
}

/** `ReflectionSchemaDiff`: exactly one of these. */
export interface DiffMessage {
  readonly definitionAdded?: DefinitionMessage;
  readonly definitionRemoved?: DefinitionMessage;
  readonly definitionDocCommentChanged?: DefinitionMessage;
  readonly relationAdded?: RelationMessage;
  readonly relationRemoved?: RelationMessage;
  readonly relationDocCommentChanged?: RelationMessage;
  readonly relationSubjectTypeAdded?: TypeChangeMessage;
  readonly relationSubjectTypeRemoved?: TypeChangeMessage;
  readonly permissionAdded?: PermissionMessage;
  readonly permissionRemoved?: PermissionMessage;
  readonly permissionDocCommentChanged?: PermissionMessage;
  readonly permissionExprChanged?: PermissionMessage;
  readonly caveatAdded?: CaveatMessage;
  readonly caveatRemoved?: CaveatMessage;
  readonly caveatDocCommentChanged?: CaveatMessage;
  readonly caveatExprChanged?: CaveatMessage;
  readonly caveatParameterAdded?: ParameterMessage;
  readonly caveatParameterRemoved?: ParameterMessage;
  readonly caveatParameterTypeChanged?: { readonly parameter: ParameterMessage; readonly previousType: string };
}

/** In what the texts of two schemas differ, as SpiceDB lists it; what that means for permissions, our own `DiffSchema` tells. */
export function diffsOf(from: Schema, to: Schema): DiffMessage[] {
  return [
    ...compared(from.definitions, to.definitions, {
      added: (definition) => ({ definitionAdded: writeDefinition(definition) }),
      removed: (definition) => ({ definitionRemoved: writeDefinition(definition) }),
      both: diffsOfDefinition,
    }),
    ...compared(from.conditions, to.conditions, {
      added: (condition) => ({ caveatAdded: writeCaveat(condition) }),
      removed: (condition) => ({ caveatRemoved: writeCaveat(condition) }),
      both: diffsOfCaveat,
    }),
  ];
}

interface Comparison<Value> {
  readonly added: (value: Value) => DiffMessage;
  readonly removed: (value: Value) => DiffMessage;
  readonly both: (before: Value, after: Value) => DiffMessage[];
}

function compared<Value>(from: ReadonlyMap<string, Value>, to: ReadonlyMap<string, Value>, { added, removed, both }: Comparison<Value>): DiffMessage[] {
  const gone = [...from].filter(([name]) => !to.has(name)).map(([, value]) => removed(value));
  const kept = [...to].flatMap(([name, after]) => {
    const before = from.get(name);
    return before === undefined ? [added(after)] : both(before, after);
  });
  return [...gone, ...kept];
}

function diffsOfDefinition(before: Definition, after: Definition): DiffMessage[] {
  const { name } = after;
  return [
    ...(before.doc === after.doc ? [] : [{ definitionDocCommentChanged: writeDefinition(after) }]),
    ...compared(relationsOf(before), relationsOf(after), {
      added: (relation) => ({ relationAdded: writeRelation(name, relation) }),
      removed: (relation) => ({ relationRemoved: writeRelation(name, relation) }),
      both: (earlier, later) => diffsOfRelation(name, earlier, later),
    }),
    ...compared(permissionsOf(before), permissionsOf(after), {
      added: (permission) => ({ permissionAdded: writePermission(name, permission) }),
      removed: (permission) => ({ permissionRemoved: writePermission(name, permission) }),
      both: (earlier, later) => diffsOfPermission(name, earlier, later),
    }),
  ];
}

function relationsOf({ members }: Definition): ReadonlyMap<string, Relation> {
  return new Map([...members.values()].filter((member) => member.kind === "relation").map((relation) => [relation.name, relation]));
}

function permissionsOf({ members }: Definition): ReadonlyMap<string, Permission> {
  return new Map([...members.values()].filter((member) => member.kind === "permission").map((permission) => [permission.name, permission]));
}

function diffsOfRelation(type: string, before: Relation, after: Relation): DiffMessage[] {
  const relation = writeRelation(type, after);
  const change = (subject: AllowedSubject) => ({ relation, changedSubjectType: writeType(subject) });
  return [
    ...(before.doc === after.doc ? [] : [{ relationDocCommentChanged: relation }]),
    ...without(before.subjects, after.subjects).map((subject) => ({ relationSubjectTypeRemoved: change(subject) })),
    ...without(after.subjects, before.subjects).map((subject) => ({ relationSubjectTypeAdded: change(subject) })),
  ];
}

function without(subjects: readonly AllowedSubject[], others: readonly AllowedSubject[]): AllowedSubject[] {
  const texts = new Set(others.map((other) => JSON.stringify(identityOf(other))));
  return subjects.filter((subject) => !texts.has(JSON.stringify(identityOf(subject))));
}

function identityOf({ type, relation, wildcard, condition = "", expiration }: AllowedSubject) {
  return [type, relation, wildcard, condition, expiration];
}

function diffsOfPermission(type: string, before: Permission, after: Permission): DiffMessage[] {
  const permission = writePermission(type, after);
  return [
    ...(before.doc === after.doc ? [] : [{ permissionDocCommentChanged: permission }]),
    ...(expressionOf(before) === expressionOf(after) ? [] : [{ permissionExprChanged: permission }]),
  ];
}

function diffsOfCaveat(before: Condition, after: Condition): DiffMessage[] {
  const { name } = after;
  return [
    ...(before.doc === after.doc ? [] : [{ caveatDocCommentChanged: writeCaveat(after) }]),
    ...(before.expression === after.expression ? [] : [{ caveatExprChanged: writeCaveat(after) }]),
    ...compared(namedTypes(before), namedTypes(after), {
      added: ([parameter, type]) => ({ caveatParameterAdded: writeParameter(name, parameter, type) }),
      removed: ([parameter, type]) => ({ caveatParameterRemoved: writeParameter(name, parameter, type) }),
      both: ([, previousType], [parameter, type]) => (type === previousType ? [] : [{ caveatParameterTypeChanged: { parameter: writeParameter(name, parameter, type), previousType } }]),
    }),
  ];
}

function namedTypes({ parameters }: Condition): ReadonlyMap<string, readonly [name: string, type: string]> {
  return new Map([...parameters].map((entry) => [entry[0], entry]));
}
