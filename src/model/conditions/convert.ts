import { UnsignedInt } from "@marcbachmann/cel-js/evaluator";

import type { ContextValue } from "../context.js";
import { quote } from "../object.js";
import { CelValueError } from "./cel-error.js";
import { Duration } from "./duration.js";
import { IpAddress } from "./ip-address.js";
import { formatParameterType, type ParameterType } from "./parameter-type.js";
import { Timestamp } from "./timestamp.js";

/** A context value that does not fit its parameter's type. */
export class ContextValueError extends Error {
  override readonly name = "ContextValueError";
}

const intMin = -(2n ** 63n);
const intMax = 2n ** 63n - 1n;
const uintMax = 2n ** 64n - 1n;

/**
 * A JSON value as the CEL value of the declared type: integers also come as decimal strings, since JSON's
 * numbers are exact to 2^53 only; bytes as base64; durations, timestamps and addresses as text. A value of
 * type `any` keeps JSON's type, a number being a double.
 * @throws ContextValueError, naming the field, the declared type and what came
 */
export function toCel(field: string, type: ParameterType, value: ContextValue): unknown {
  const converted = convert(type, value);
  if (converted !== undefined) return converted;
  throw new ContextValueError(`context field ${quote(field)} is declared ${formatParameterType(type)}, but came as ${describe(value)}`);
}

/** Undefined where the value does not fit. */
function convert(type: ParameterType, value: ContextValue): unknown {
  switch (type.kind) {
    case "any":
      return convertAny(value);
    case "bool":
      return typeof value === "boolean" ? value : undefined;
    case "string":
      return typeof value === "string" ? value : undefined;
    case "int":
      return integer(value, intMin, intMax);
    case "uint": {
      const number = integer(value, 0n, uintMax);
      return number === undefined ? undefined : new UnsignedInt(number);
    }
    case "double":
      return double(value);
    case "bytes":
      return bytes(value);
    case "duration":
      return parsed(value, Duration.parse);
    case "timestamp":
      return parsed(value, Timestamp.parse);
    case "ipaddress":
      return parsed(value, IpAddress.parse);
    case "list":
      return Array.isArray(value) ? convertList(type.element, value as readonly ContextValue[]) : undefined;
    case "map":
      return convertMap(type.element, value);
  }
}

function convertAny(value: ContextValue): unknown {
  if (Array.isArray(value)) return convertList({ kind: "any" }, value as readonly ContextValue[]);
  if (value !== null && typeof value === "object") return convertMap({ kind: "any" }, value);
  return value;
}

function convertList(element: ParameterType, items: readonly ContextValue[]): unknown[] | undefined {
  const converted: unknown[] = [];
  for (const item of items) {
    const value = convert(element, item);
    if (value === undefined) return undefined;
    converted.push(value);
  }
  return converted;
}

/** Maps are `Map`s, in which a key `__proto__` or `constructor` is a key like any other. */
function convertMap(element: ParameterType, value: ContextValue): Map<string, unknown> | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const converted = new Map<string, unknown>();
  for (const [key, item] of Object.entries(value as Readonly<Record<string, ContextValue>>)) {
    const inner = convert(element, item);
    if (inner === undefined) return undefined;
    converted.set(key, inner);
  }
  return converted;
}

function integer(value: ContextValue, min: bigint, max: bigint): bigint | undefined {
  const fits = typeof value === "number" ? Number.isInteger(value) : typeof value === "string" && /^-?\d{1,20}$/.test(value);
  if (!fits) return undefined;
  const number = BigInt(value as number | string);
  return number >= min && number <= max ? number : undefined;
}

function double(value: ContextValue): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.length > 64 || !/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function bytes(value: ContextValue): Uint8Array | undefined {
  if (typeof value !== "string") return undefined;
  const decoded = Buffer.from(value, "base64");
  return decoded.toString("base64") === value ? decoded : undefined;
}

function parsed<T>(value: ContextValue, parse: (text: string) => T): T | undefined {
  if (typeof value !== "string") return undefined;
  try {
    return parse(value);
  } catch (error) {
    if (error instanceof CelValueError) return undefined;
    throw error;
  }
}

function describe(value: ContextValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return `${typeof value} ${quote(value)}`;
}
