import type { Budget } from "./budget.js";
import { CelValueError } from "./cel-error.js";
import type { CelNode } from "./cel-node.js";
import { Duration } from "./duration.js";
import { hiddenName } from "./environment.js";
import { IpAddress, IpBlock } from "./ip-address.js";
import { Pattern } from "./pattern.js";
import { refuse } from "./prepare.js";
import { Timestamp } from "./timestamp.js";

/** What is made of one literal string is made when the schema is written. */
const made: ReadonlyMap<string, (text: string) => unknown> = new Map<string, (text: string) => unknown>([
  [hiddenName("timestamp"), Timestamp.parse],
  [hiddenName("duration"), Duration.parse],
  [hiddenName("ipaddress"), IpAddress.parse],
]);

/**
 * Evaluates what depends on literals alone: `timestamp("…")`, the pattern of `matches`, the block of
 * `in_cidr`. A mistake in them is found when the schema is written, and an evaluation need not parse them.
 * @throws ConditionError
 */
export function foldLiterals(node: CelNode, budget: Budget): void {
  if (node.op !== "call" && node.op !== "rcall") return;
  const args = node.args as [string, ...unknown[]];
  const name = args[0];
  const last = (args.at(-1) as readonly CelNode[]).at(-1);
  if (last?.op !== "value" || typeof last.args !== "string") return;
  const text = last.args;
  const make = made.get(name);
  if (make !== undefined) {
    const value = atNode(last, () => make(text));
    node.evaluate = () => value;
  } else if (name === hiddenName("matches")) {
    const pattern = atNode(last, () => new Pattern(text));
    node.handle = (values) => pattern.matches(first(values, isString), budget);
  } else if (name === hiddenName("in_cidr")) {
    const block = atNode(last, () => IpBlock.parse(text));
    node.handle = (values) => first(values, isAddress).isIn(block);
  }
}

function atNode<T>(node: CelNode, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof CelValueError) throw refuse(node, error.message);
    throw error;
  }
}

/** The value that the function is called on. */
function first<T>(values: unknown, is: (value: unknown) => value is T): T {
  const [value] = values as readonly unknown[];
  if (is(value)) return value;
  throw new CelValueError("no such overload");
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isAddress(value: unknown): value is IpAddress {
  return value instanceof IpAddress;
}
