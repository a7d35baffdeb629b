import type { ASTNode } from "@marcbachmann/cel-js";

import { assert } from "../../base/assert.js";

/**
 * A node of the library's syntax tree, with what is not in its published types but is the only hook for
 * bounding and watching an evaluation. The library is pinned to one version, and the tests in
 * `test/model/conditions` fail where a new one changes this.
 */
export interface CelNode {
  readonly op: string;
  args: unknown;
  readonly start: number;
  readonly end: number;
  readonly meta: { readonly alternate?: CelNode; readonly macro?: CelMacro; readonly evaluate: Evaluate };
  readonly checkedType?: CelType;
  evaluate: Evaluate;
  /** An operator's work on the values of its operands, chosen by the type check. */
  handle?: (...values: unknown[]) => unknown;
  setMeta(key: "async", value: boolean): CelNode;
}

export interface CelType {
  readonly kind: string;
  readonly name: string;
  readonly type: string;
}

export type Evaluate = (evaluator: unknown, node: unknown, context: unknown) => unknown;

/** `has` holds its argument, `cel.bind` the variable, its value and the expression over it. */
interface CelMacro {
  readonly args?: readonly CelNode[];
  var?: string;
  readonly val?: CelNode;
  readonly exp?: CelNode;
  readonly evaluate: Evaluate;
}

/** What `all`, `exists`, `map`… become. */
export interface Comprehension {
  readonly iterable: CelNode;
  iterVarName: string;
  readonly init: CelNode;
  readonly step: CelNode;
}

export function celNode(node: ASTNode): CelNode {
  return node as unknown as CelNode;
}

const leaves = new Set(["value", "id", "accuValue", "accuInc"]);
const unary = new Set(["!_", "-_", "accuPush"]);
const operandLists = new Set(["list", "?:", "||", "&&", "[]", "!=", "==", "in", "+", "-", "*", "/", "%", "<", "<=", ">", ">="]);

/** The nodes that are evaluated for a node, each once. An unknown kind is a bug: it could not be bounded. */
export function children(node: CelNode): readonly CelNode[] {
  if (node.meta.alternate !== undefined) return [node.meta.alternate];
  if (node.meta.macro !== undefined) return macroChildren(node.meta.macro);
  if (leaves.has(node.op)) return [];
  if (unary.has(node.op)) return [node.args as CelNode];
  switch (node.op) {
    case ".":
      return [(node.args as [CelNode, string])[0]];
    case "call":
      return (node.args as [string, CelNode[]])[1];
    case "rcall": {
      const [, receiver, rest] = node.args as [string, CelNode, CelNode[]];
      return [receiver, ...rest];
    }
    case "map":
      return (node.args as [CelNode, CelNode][]).flat();
    case "comprehension": {
      const { iterable, init, step } = node.args as Comprehension;
      return [iterable, init, step];
    }
    default:
      assert(operandLists.has(node.op), `the CEL library has a node \`${node.op}\` that is not bounded here`);
      return node.args as CelNode[];
  }
}

function macroChildren(macro: CelMacro): readonly CelNode[] {
  if (macro.val !== undefined && macro.exp !== undefined) return [macro.val, macro.exp];
  return macro.args ?? [];
}

/** Puts `before` ahead of every evaluation of the node, which may throw to prevent it. */
export function beforeEvaluation(node: CelNode, before: () => void): void {
  const evaluate = evaluation(node);
  node.evaluate = (evaluator, same, context) => {
    before();
    return evaluate(evaluator, same, context);
  };
}

/** Calls `failed` with every error of the node's evaluation, before the error goes on. */
export function onFailure(node: CelNode, failed: (error: unknown) => void): void {
  const evaluate = evaluation(node);
  node.evaluate = (evaluator, same, context) => {
    try {
      return evaluate(evaluator, same, context);
    } catch (error) {
      failed(error);
      throw error;
    }
  };
}

/** What evaluates the node: ours where we put one, else what the library would choose at the first evaluation. */
function evaluation(node: CelNode): Evaluate {
  if (Object.hasOwn(node, "evaluate")) return node.evaluate;
  const { alternate, macro, evaluate } = node.meta;
  if (alternate !== undefined) return (evaluator, _node, context) => alternate.evaluate(evaluator, alternate, context);
  if (macro !== undefined) return (evaluator, _node, context) => macro.evaluate(evaluator, macro, context);
  return evaluate;
}
