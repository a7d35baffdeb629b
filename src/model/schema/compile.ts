import { unreachable } from "../../base/assert.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Condition } from "../conditions/condition.js";
import { allowedSubject } from "./alternative.js";
import { compileCaveat } from "./caveats.js";
import { Diagnostics, schemaError, type SchemaDiagnostic } from "./diagnostics.js";
import { permissionFingerprint, relationFingerprint } from "./fingerprint.js";
import { frozenMap } from "./freeze.js";
import { parseSchema } from "./parser.js";
import type { OwnMember } from "./partials.js";
import { resolveNames, type Names, type ResolvedDefinition } from "./resolve.js";
import type { Rewrite } from "./rewrite.js";
import type { Definition, Dialect, Permission, Relation, Schema } from "./schema.js";
import { readSource } from "./source.js";
import type { ExpressionSyntax, PermissionSyntax, RelationSyntax } from "./syntax.js";
import { typecheck } from "./typecheck.js";

/**
 * Compiles a text in SpiceDB's schema language. All errors of the text are reported together, each with
 * its place: see `schemaError` for the details. Warnings do not refuse a text; `checkSchema` tells them.
 * @throws `invalid_schema`
 */
export function compileSchema(text: string, options: { readonly dialect?: Partial<Dialect> } = {}): Schema {
  const { names, conditions, diagnostics } = analyse(text);
  const error = schemaError(diagnostics);
  if (error !== undefined) throw error;
  const definitions = [...names.definitions].map(([name, definition]) => [name, compileDefinition(definition, conditions, names)] as const);
  const { depthMax = names.flags.has("openfga") ? limits.openfgaDepthMax : limits.depthMax } = options.dialect ?? {};
  const dialect: Dialect = Object.freeze({ depthMax });
  return Object.freeze({ text, definitions: frozenMap(definitions), conditions, dialect });
}

/**
 * Everything wrong in a schema text, and (as warnings) what is likely not meant, in the order of the text.
 * @throws `invalid_schema` for a text so large that it is not read at all
 */
export function checkSchema(text: string): SchemaDiagnostic[] {
  return analyse(text).diagnostics;
}

interface Analysis {
  readonly names: Names;
  readonly conditions: ReadonlyMap<string, Condition>;
  readonly diagnostics: SchemaDiagnostic[];
}

function analyse(text: string): Analysis {
  const source = readSource(text);
  const diagnostics = new Diagnostics(source);
  const names = resolveNames(parseSchema(source, diagnostics), diagnostics);
  const conditions: (readonly [string, Condition])[] = [];
  for (const [name, caveat] of names.caveats) {
    const condition = compileCaveat(caveat, diagnostics);
    if (condition !== undefined) conditions.push([name, condition]);
  }
  typecheck(names, diagnostics);
  return { names, conditions: frozenMap(conditions), diagnostics: diagnostics.list() };
}

function compileDefinition(definition: ResolvedDefinition, conditions: ReadonlyMap<string, Condition>, names: Names): Definition {
  const members = [...definition.byName.values()].map((member) => [member.name.text, compileMember(member, conditions, names)] as const);
  const { name, doc } = definition.syntax;
  return Object.freeze({ name: name.text, doc, members: frozenMap(members) });
}

function compileMember(member: OwnMember, conditions: ReadonlyMap<string, Condition>, names: Names): Relation | Permission {
  switch (member.kind) {
    case "relation":
      return compileRelation(member, conditions);
    case "permission":
      return compilePermission(member, names);
    case "broken":
      throw new UsherError("internal", "schema was compiled in spite of its errors");
    default:
      return unreachable(member);
  }
}

function compileRelation(relation: RelationSyntax, conditions: ReadonlyMap<string, Condition>): Relation {
  const subjects = Object.freeze(relation.subjects.map(allowedSubject));
  const fingerprint = relationFingerprint(subjects, conditions);
  return Object.freeze({ kind: "relation", name: relation.name.text, doc: relation.doc, subjects, fingerprint });
}

function compilePermission(permission: PermissionSyntax, names: Names): Permission {
  const rewrite = compileExpression(permission.expression);
  const compiled = { kind: "permission" as const, name: permission.name.text, doc: permission.doc, rewrite, fingerprint: permissionFingerprint(rewrite) };
  if (permission.annotation === undefined || !names.flags.has("typechecking")) return Object.freeze(compiled);
  return Object.freeze({ ...compiled, annotation: Object.freeze(permission.annotation.map((type) => type.text)) });
}

/** The rewrite that an expression stands for; the names in it need not exist. */
export function compileExpression(expression: ExpressionSyntax): Rewrite {
  switch (expression.kind) {
    case "union":
    case "intersection":
      return Object.freeze({ kind: expression.kind, operands: Object.freeze(expression.operands.map(compileExpression)) });
    case "exclusion":
      return Object.freeze({ kind: "exclusion", base: compileExpression(expression.base), subtracted: compileExpression(expression.subtracted) });
    case "name":
      return Object.freeze({ kind: "computed", name: expression.text });
    case "arrow":
      return Object.freeze({ kind: "arrow", tupleset: expression.tupleset.text, permission: expression.permission.text, quantifier: expression.quantifier });
    case "self":
    case "nil":
      return Object.freeze({ kind: expression.kind });
    default:
      return unreachable(expression);
  }
}
