import { absent } from "./activation.js";
import type { Budget } from "./budget.js";
import { CelValueError } from "./cel-error.js";
import { beforeEvaluation, children, onFailure, type CelNode, type Comprehension } from "./cel-node.js";
import { celEqual, celIn, compareStrings, mapKey } from "./equality.js";
import { int } from "./functions.js";

type Handle = (...values: unknown[]) => unknown;

/** Types whose equality the library decides rightly and at constant cost, where both sides are known to have it. */
const simplyComparable = new Set(["bool", "int", "timestamp", "duration"]);

/**
 * Puts our work in the place of the library's where that is wrong or not bounded: equality and membership
 * across types, the order of strings, overflow, map literals, and the size of what is made.
 */
export function replaceOperator(node: CelNode, budget: Budget): void {
  const handle = node.handle;
  switch (node.op) {
    case "==":
    case "!=":
      return replaceEquality(node, budget);
    case "in":
      node.handle = (value, collection, ...rest) =>
        Array.isArray(collection) || collection instanceof Map ? celIn(value, collection, budget) : handle?.(value, collection, ...rest);
      return;
    case "<":
    case "<=":
    case ">":
    case ">=":
      return replaceOrder(node, budget);
    case "+":
      if (!isOf(node, "int")) node.handle = (...values) => paidBySize(handle?.(...values), budget);
      return;
    case "/":
    case "-_":
      node.handle = (...values) => withinInt(handle?.(...values));
      return;
    case "[]":
      node.handle = (collection, key, ...rest) => handle?.(collection, collection instanceof Map ? mapKey(key) : key, ...rest);
      return;
    case "map":
      return replaceMapLiteral(node);
    case "comprehension":
      return boundComprehension(node, budget);
  }
}

function replaceEquality(node: CelNode, budget: Budget): void {
  const [left, right] = node.args as [CelNode, CelNode];
  const type = left.checkedType?.name ?? "";
  if (simplyComparable.has(type) && isOf(right, type)) return;
  const equal = node.op === "==";
  node.handle = (a, b) => celEqual(a, b, budget) === equal;
}

function replaceOrder(node: CelNode, budget: Budget): void {
  const handle = node.handle as Handle;
  const [left, right] = node.args as [CelNode, CelNode];
  if (![left, right].every((side) => isOf(side, "string") || side.checkedType?.kind === "dyn")) return;
  const holds = orders[node.op as keyof typeof orders];
  node.handle = (a, b, ...rest) =>
    typeof a === "string" && typeof b === "string" ? holds(compareStrings(a, b, budget)) : handle(a, b, ...rest);
}

const orders = {
  "<": (order: number) => order < 0,
  "<=": (order: number) => order <= 0,
  ">": (order: number) => order > 0,
  ">=": (order: number) => order >= 0,
};

function paidBySize(made: unknown, budget: Budget): unknown {
  if (Array.isArray(made)) budget.spend(made.length);
  else if (typeof made === "string" || made instanceof Uint8Array) budget.spendCharacters(made.length);
  return made;
}

function withinInt(value: unknown): unknown {
  return typeof value === "bigint" ? int(value) : value;
}

/** A map literal makes a `Map`; the library's own drops a key `constructor` without a word. */
function replaceMapLiteral(node: CelNode): void {
  const entries = node.args as [CelNode, CelNode][];
  node.evaluate = (evaluator, _node, context) => {
    const made = new Map<unknown, unknown>();
    for (const [keyNode, valueNode] of entries) {
      const key = mapKey(keyNode.evaluate(evaluator, keyNode, context));
      if (typeof key !== "string" && typeof key !== "bigint" && typeof key !== "boolean") {
        throw new CelValueError("a key of a map must be a string, an int or a bool");
      }
      if (made.has(key)) throw new CelValueError(`the map has the key ${key} twice`);
      made.set(key, valueNode.evaluate(evaluator, valueNode, context));
    }
    return made;
  };
}

/** Making an error, with its message and place, takes as long as so many nodes. */
const stepsPerError = 20;

/** Every turn of a loop pays for its body's nodes, and for errors where they are absorbed. Of a map the keys are copied, which is paid at once. */
function boundComprehension(node: CelNode, budget: Budget): void {
  const handle = node.handle as Handle;
  const { step } = node.args as Comprehension;
  const turn = countNodes(step);
  beforeEvaluation(step, () => budget.spend(turn));
  payForErrors(step, budget);
  node.handle = (collection, ...rest) => {
    budget.spend(collection instanceof Map ? collection.size + 1 : 1);
    return handle(collection, ...rest);
  };
}

function payForErrors(step: CelNode, budget: Budget): void {
  const pay = (error: unknown) => {
    if (error !== absent) budget.spend(stepsPerError);
  };
  onFailure(step, pay);
  const visit = (node: CelNode) => {
    const operands = children(node);
    if (node.op === "||" || node.op === "&&") onFailure(operands[0] as CelNode, pay);
    operands.forEach(visit);
  };
  visit(step);
}

function countNodes(node: CelNode): number {
  return children(node).reduce((count, child) => count + countNodes(child), 1);
}

function isOf(node: CelNode, type: string): boolean {
  return node.checkedType?.name === type;
}
