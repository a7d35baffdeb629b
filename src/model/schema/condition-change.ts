import type { Condition } from "../conditions/condition.js";
import type { ParameterChange, SchemaChange } from "./change.js";

/**
 * How a condition differs from the one of the same name; undefined: in nothing. Contexts name their fields, so the order of
 * parameters is of no account; expressions are the same where their texts are.
 */
export function changeOfCondition(from: Condition, to: Condition): SchemaChange | undefined {
  const parameters = parameterChanges(from, to);
  const texts = { from: formatCondition(from), to: formatCondition(to) };
  const change = { element: "condition" as const, name: to.name, ...texts };
  if (parameters.length > 0) return { ...change, kind: "changed", parameters };
  if (from.expression !== to.expression) return { ...change, kind: "changed" };
  if (texts.from !== texts.to) return { ...change, kind: "equivalent" };
  return from.doc === to.doc ? undefined : { ...change, kind: "documented" };
}

/** `caveat office_hours(hour int) { hour >= 9 }` */
export function formatCondition({ name, parameters, expression }: Condition): string {
  return `caveat ${name}(${[...parameters].map(([parameter, type]) => `${parameter} ${type}`).join(", ")}) { ${expression} }`;
}

function parameterChanges(from: Condition, to: Condition): ParameterChange[] {
  const names = new Set([...from.parameters.keys(), ...to.parameters.keys()]);
  return [...names].flatMap((name): ParameterChange[] => {
    const [before, after] = [from.parameters.get(name), to.parameters.get(name)];
    if (before === after) return [];
    return [{ name, ...(before === undefined ? {} : { from: before }), ...(after === undefined ? {} : { to: after }) }];
  });
}
