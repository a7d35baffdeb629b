import { limits } from "../../base/limits.js";
import { quote } from "../object.js";
import { children, type CelNode, type Comprehension } from "./cel-node.js";
import { ConditionError } from "./condition-error.js";
import { callKey, hiddenName, isCallable, isLibraryFunction } from "./environment.js";
import { nowParameter, type Parameter } from "./parameters.js";

const intMax = 2n ** 63n - 1n;

/** The library's constants that are not CEL's. */
const hiddenConstants = new Set(["google"]);

/**
 * Readies a parsed expression for the type check: bounds its size, lets it call only the functions of
 * `environment.ts`, and renames what the library would take for something else.
 * @throws ConditionError
 */
export function prepare(root: CelNode, parameters: ReadonlyMap<string, Parameter>): void {
  let nodes = 0;
  const visit = (node: CelNode, parent: CelNode | undefined, nesting: number) => {
    if (++nodes > limits.conditionNodesMax) throw refuse(node, `the expression has more than ${limits.conditionNodesMax} nodes`);
    if (nesting > limits.conditionNestingMax) throw refuse(node, `the expression nests more than ${limits.conditionNestingMax} deep`);
    node.setMeta("async", false);
    prepareNode(node, parent, parameters);
    for (const child of children(node)) visit(child, node, nesting + 1);
  };
  visit(root, undefined, 0);
}

function prepareNode(node: CelNode, parent: CelNode | undefined, parameters: ReadonlyMap<string, Parameter>): void {
  if (node.meta.macro?.var !== undefined) node.meta.macro.var = bind(node, node.meta.macro.var, parameters);
  if (node.meta.macro !== undefined || node.meta.alternate !== undefined) return;
  switch (node.op) {
    case "value":
      return checkLiteral(node, parent);
    case "id":
      return prepareIdentifier(node, parameters);
    case "call":
    case "rcall":
      return prepareCall(node);
    case "comprehension": {
      const comprehension = node.args as Comprehension;
      comprehension.iterVarName = bind(node, comprehension.iterVarName, parameters);
    }
  }
}

/** An int is 64 bits; the library reads any. The least one is written as minus a number one too large. */
function checkLiteral(node: CelNode, parent: CelNode | undefined): void {
  const value = node.args;
  if (typeof value !== "bigint" || value <= intMax) return;
  if (value === intMax + 1n && parent?.op === "-_") return;
  throw refuse(node, `int ${value} is out of range`);
}

function prepareIdentifier(node: CelNode, parameters: ReadonlyMap<string, Parameter>): void {
  const name = node.args as string;
  const variable = parameters.get(name)?.variable;
  if (variable !== undefined) node.args = variable;
  else if (hiddenConstants.has(name)) throw refuse(node, `unknown variable: ${name}`);
}

function prepareCall(node: CelNode): void {
  const args = node.args as [string, ...unknown[]];
  const [name] = args;
  const isMethod = node.op === "rcall";
  const count = (args.at(-1) as readonly CelNode[]).length;
  const key = callKey(isMethod, name, count);
  if (isLibraryFunction(key)) return;
  if (!isCallable(key)) throw refuse(node, `no ${isMethod ? "method" : "function"} ${quote(name)} takes ${count} arguments`);
  args[0] = hiddenName(name);
}

/** The name that a macro binds, which hides a parameter of the same name; `now` must mean one thing. */
function bind(node: CelNode, name: string, parameters: ReadonlyMap<string, Parameter>): string {
  if (name === nowParameter) throw refuse(node, "`now` is reserved and cannot be bound");
  return parameters.get(name)?.variable ?? name;
}

export function refuse(node: CelNode, message: string): ConditionError {
  return new ConditionError(message, node.start, node.end - node.start);
}
