import type { Comment } from "./lexer.js";
import type { Span } from "./source.js";

/**
 * The syntax tree: what is written and where, names not looked up. Nobody outside this folder sees it,
 * and a compiled `Schema` keeps nothing of it.
 */
export interface SchemaSyntax {
  readonly uses: readonly UseSyntax[];
  /** In the order of the text, duplicates included. */
  readonly declarations: readonly DeclarationSyntax[];
  /** Every comment outside of conditions, in order. */
  readonly comments: readonly Comment[];
}

/** A feature that a text asks for with `use`. All are SpiceDB's but `openfga`: decided as OpenFGA does where `Dialect` says so. */
export const useFlags = ["expiration", "openfga", "partial", "self", "typechecking"] as const;

export type UseFlag = (typeof useFlags)[number];

export interface UseSyntax extends Span {
  readonly kind: "use";
  readonly flag: UseFlag;
}

export type DeclarationSyntax = DefinitionSyntax | CaveatSyntax;

export interface Name extends Span {
  readonly text: string;
}

/** `definition name { … }`, or `partial name { … }`, whose members are included elsewhere. */
export interface DefinitionSyntax extends Span {
  readonly kind: "definition" | "partial";
  readonly name: Name;
  readonly doc: string;
  readonly members: readonly MemberSyntax[];
  /** Behind the `{`. */
  readonly bodyStart: number;
  /** False when something in it could not be read: then a member that is not found may yet be meant. */
  readonly complete: boolean;
}

export interface CaveatSyntax extends Span {
  readonly kind: "caveat";
  readonly name: Name;
  readonly doc: string;
  readonly parameters: readonly ParameterSyntax[];
  /** The CEL text between the braces, without white space around it; undefined when the caveat could not be read. */
  readonly expression: Name | undefined;
}

export interface ParameterSyntax {
  readonly name: Name;
  /** The type as canonical text: `map<list<string>>`. */
  readonly type: Name;
}

export type MemberSyntax = RelationSyntax | PermissionSyntax | IncludeSyntax | BrokenSyntax;

/** `relation name: subject | subject`. */
export interface RelationSyntax extends Span {
  readonly kind: "relation";
  readonly name: Name;
  readonly doc: string;
  readonly subjects: readonly SubjectSyntax[];
}

/** `type`, `type#relation` or `type:*`, each maybe `with caveat and expiration`. */
export interface SubjectSyntax extends Span {
  readonly type: Name;
  /** Undefined for objects (also when written `type#...`) and wildcards. */
  readonly relation: Name | undefined;
  readonly wildcard: boolean;
  readonly condition: Name | undefined;
  readonly expiration: boolean;
}

/** `permission name: type | type = expression`. */
export interface PermissionSyntax extends Span {
  readonly kind: "permission";
  readonly name: Name;
  readonly doc: string;
  readonly annotation: readonly Name[] | undefined;
  readonly expression: ExpressionSyntax;
}

/** `...partial`. */
export interface IncludeSyntax extends Span {
  readonly kind: "include";
  readonly name: Name;
}

/** A member whose name alone could be read: it exists, and nothing more is known. */
export interface BrokenSyntax extends Span {
  readonly kind: "broken";
  readonly name: Name;
}

export type ExpressionSyntax = OperationSyntax | ExclusionSyntax | NameSyntax | ArrowSyntax | ConstantSyntax;

/** A union or intersection of two or more operands, none of its own kind. */
export interface OperationSyntax extends Span {
  readonly kind: "union" | "intersection";
  readonly operands: readonly ExpressionSyntax[];
  readonly depth: number;
}

export interface ExclusionSyntax extends Span {
  readonly kind: "exclusion";
  readonly base: ExpressionSyntax;
  readonly subtracted: ExpressionSyntax;
  readonly depth: number;
}

export interface NameSyntax extends Span {
  readonly kind: "name";
  readonly text: string;
  readonly depth: 1;
}

export interface ArrowSyntax extends Span {
  readonly kind: "arrow";
  readonly tupleset: Name;
  readonly permission: Name;
  readonly quantifier: "any" | "all";
  readonly depth: 1;
}

export interface ConstantSyntax extends Span {
  readonly kind: "self" | "nil";
  readonly depth: 1;
}

/** Calls `visit` with each leaf of an expression, left to right. */
export function forEachLeaf(expression: ExpressionSyntax, visit: (leaf: NameSyntax | ArrowSyntax | ConstantSyntax) => void): void {
  switch (expression.kind) {
    case "union":
    case "intersection":
      for (const operand of expression.operands) forEachLeaf(operand, visit);
      return;
    case "exclusion":
      forEachLeaf(expression.base, visit);
      forEachLeaf(expression.subtracted, visit);
      return;
    case "name":
    case "arrow":
    case "self":
    case "nil":
      visit(expression);
  }
}
