import { limits } from "../../base/limits.js";
import { quote } from "../object.js";
import type { Cursor } from "./cursor.js";
import type { Span } from "./source.js";
import type { ArrowSyntax, ExpressionSyntax, Name } from "./syntax.js";

/**
 * The expression of a permission. `+` binds tightest, then `&`, then `-`, unlike in most languages:
 * `a - b & c + d` is `a - (b & (c + d))`. Equal operators group to the left: `a - b - c` is
 * `(a - b) - c`. Nesting, by parentheses or by a chain of `-`, is bounded by `limits.schemaNestingMax`.
 */
export function parseExpression(cursor: Cursor): ExpressionSyntax {
  return exclusion(cursor, 0);
}

function exclusion(cursor: Cursor, parentheses: number): ExpressionSyntax {
  let base = operation("intersection", cursor, parentheses);
  while (cursor.take("-") !== undefined) {
    const subtracted = operation("intersection", cursor, parentheses);
    const span = { start: base.start, end: subtracted.end };
    base = { kind: "exclusion", base, subtracted, ...span, depth: depthOver([base, subtracted], cursor, span) };
  }
  return base;
}

function operation(kind: "union" | "intersection", cursor: Cursor, parentheses: number): ExpressionSyntax {
  const next = () => (kind === "intersection" ? operation("union", cursor, parentheses) : term(cursor, parentheses));
  const first = next();
  const operator = kind === "intersection" ? "&" : "+";
  if (!cursor.at(operator)) return first;
  const operands = flattened(kind, first);
  while (cursor.take(operator) !== undefined) operands.push(...flattened(kind, next()));
  const span = cursor.spanFrom(first.start);
  return { kind, operands, ...span, depth: depthOver(operands, cursor, span) };
}

/** `(a + b) + c` is one union of three. */
function flattened(kind: "union" | "intersection", operand: ExpressionSyntax): ExpressionSyntax[] {
  return operand.kind === kind ? [...operand.operands] : [operand];
}

function depthOver(operands: readonly ExpressionSyntax[], cursor: Cursor, span: Span): number {
  const depth = 1 + operands.reduce((deepest, operand) => Math.max(deepest, operand.depth), 0);
  if (depth > limits.schemaNestingMax) tooDeep(cursor, span);
  return depth;
}

function tooDeep(cursor: Cursor, span: Span): never {
  return cursor.fail(`expression nests deeper than ${limits.schemaNestingMax}: name its parts as permissions of their own`, span);
}

function term(cursor: Cursor, parentheses: number): ExpressionSyntax {
  const { start, end, text } = cursor.token;
  if (cursor.at("(")) {
    if (parentheses >= limits.schemaNestingMax) tooDeep(cursor, { start, end });
    cursor.advance();
    const inner = exclusion(cursor, parentheses + 1);
    cursor.expect(")", "to close the parenthesis");
    if (cursor.at("->") || cursor.at(".")) {
      cursor.fail("expected a relation on the left of an arrow, found an expression in parentheses");
    }
    return inner;
  }
  if (text === "nil" || (text === "self" && cursor.flags.has("self"))) {
    cursor.advance();
    return { kind: text, start, end, depth: 1 };
  }
  const name = cursor.name("a relation or permission");
  return cursor.at("->") || cursor.at(".") ? arrow(cursor, name) : { kind: "name", ...name, depth: 1 };
}

function arrow(cursor: Cursor, tupleset: Name): ArrowSyntax {
  const quantified = cursor.advance().text === ".";
  const quantifier = quantified ? arrowFunction(cursor) : "any";
  const permission = cursor.name("a relation or permission");
  if (quantified) cursor.expect(")", `after \`${quantifier}(${permission.text}\``);
  if (cursor.at("->") || cursor.at(".")) {
    cursor.fail(`an arrow takes one step: name ${quote(`${permission.text}->…`)} as a permission where ${quote(tupleset.text)} leads, and point the arrow at that`);
  }
  return { kind: "arrow", tupleset, permission, quantifier, depth: 1, ...cursor.spanFrom(tupleset.start) };
}

function arrowFunction(cursor: Cursor): "any" | "all" {
  const { text } = cursor.token;
  if (text !== "any" && text !== "all") cursor.unexpected("`any` or `all` after `.`");
  cursor.advance();
  cursor.expect("(", `after \`.${text}\``);
  return text;
}
