import { Environment } from "@marcbachmann/cel-js";

import { limits } from "../../base/limits.js";
import { Budget } from "./budget.js";
import { Duration } from "./duration.js";
import { functions, type CelFunction } from "./functions.js";
import { IpAddress } from "./ip-address.js";
import { timeFunctions } from "./time-functions.js";
import { Timestamp } from "./timestamp.js";

/** The budget of the evaluation under way. One suffices: evaluations are synchronous and do not nest. */
export const budget = new Budget();

/**
 * A function's name inside the library: one that no expression can spell. An expression calls what stands
 * in our tables and nothing else of the library's own, part of which is not CEL's, depends on the
 * machine's time zone, or is not bounded.
 */
export function hiddenName(name: string): string {
  return `~${name}`;
}

const table: readonly CelFunction[] = [...functions(budget), ...timeFunctions(budget)];

/** `matches/1` and `.matches/1`: what an expression may call, as a function and as a method. */
const callable = new Set(table.map((entry) => callKey(entry.receiver !== undefined, entry.name, entry.parameters.length)));

/** The library's own that are called by their own names: they touch types alone. */
const libraryFunctions = new Set([callKey(false, "type", 1), callKey(false, "dyn", 1)]);

export function callKey(isMethod: boolean, name: string, argumentCount: number): string {
  return `${isMethod ? "." : ""}${name}/${argumentCount}`;
}

export function isCallable(key: string): boolean {
  return callable.has(key);
}

export function isLibraryFunction(key: string): boolean {
  return libraryFunctions.has(key);
}

/** The language of conditions without any parameter; a condition clones it and declares its own. */
export const environment = makeEnvironment();

function makeEnvironment(): Environment {
  const made = new Environment({
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: limits.conditionNodesMax, maxDepth: limits.conditionNestingMax },
  });
  // Without fields a type has no properties: CEL must not reach those of the JavaScript objects.
  made.registerType({ name: "timestamp", ctor: Timestamp, fields: {} });
  made.registerType({ name: "duration", ctor: Duration, fields: {} });
  made.registerType({ name: "ipaddress", ctor: IpAddress, fields: {} });
  registerTimeOperators(made);
  for (const { receiver, name, parameters, returns, handler } of table) {
    made.registerFunction({
      name: hiddenName(name),
      ...(receiver === undefined ? {} : { receiverType: receiver }),
      params: parameters.map((type, i) => ({ name: `argument${i}`, type })),
      returnType: returns,
      handler,
      async: false,
    });
  }
  return made;
}

function registerTimeOperators(made: Environment): void {
  made.registerOperator("timestamp + duration", (a: Timestamp, b: Duration) => a.plus(b));
  made.registerOperator("duration + timestamp: timestamp", (a: Duration, b: Timestamp) => b.plus(a));
  made.registerOperator("timestamp - duration", (a: Timestamp, b: Duration) => a.minus(b));
  made.registerOperator("timestamp - timestamp: duration", (a: Timestamp, b: Timestamp) => a.since(b));
  made.registerOperator("duration + duration", (a: Duration, b: Duration) => a.plus(b));
  made.registerOperator("duration - duration", (a: Duration, b: Duration) => a.minus(b));
  for (const type of ["timestamp", "duration"]) {
    made.registerOperator(`${type} == ${type}`, (a: HasNs, b: HasNs) => a.ns === b.ns);
    made.registerOperator(`${type} < ${type}`, (a: HasNs, b: HasNs) => a.ns < b.ns);
    made.registerOperator(`${type} <= ${type}`, (a: HasNs, b: HasNs) => a.ns <= b.ns);
    made.registerOperator(`${type} > ${type}`, (a: HasNs, b: HasNs) => a.ns > b.ns);
    made.registerOperator(`${type} >= ${type}`, (a: HasNs, b: HasNs) => a.ns >= b.ns);
  }
  made.registerOperator("ipaddress == ipaddress", (a: IpAddress, b: IpAddress) => a.equals(b));
}

interface HasNs {
  readonly ns: bigint;
}
