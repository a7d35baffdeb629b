import { UnsignedInt } from "@marcbachmann/cel-js/evaluator";

import type { Budget } from "./budget.js";
import { CelValueError } from "./cel-error.js";
import { isSubtree } from "./equality.js";
import { IpAddress, IpBlock } from "./ip-address.js";
import { Pattern } from "./pattern.js";

/** One overload of a function: types in the library's spelling; a receiver makes it a method. */
export interface CelFunction {
  readonly name: string;
  readonly receiver?: string;
  readonly parameters: readonly string[];
  readonly returns: string;
  readonly handler: (...values: never[]) => unknown;
}

const intMin = -(2n ** 63n);
const intMax = 2n ** 63n - 1n;
const uintMax = 2n ** 64n - 1n;

/** What reading an address takes. */
const parsingSteps = 20;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** CEL's standard functions but those of time, and `in_cidr` and `isSubtreeOf`, which schemas of SpiceDB use. */
export function functions(budget: Budget): CelFunction[] {
  return [...sizes(budget), ...stringFunctions(budget), ...numberConversions(), ...textConversions(budget), ...addressAndMapFunctions(budget)];
}

export function fn(name: string, parameters: readonly string[], returns: string, handler: CelFunction["handler"]): CelFunction {
  return { name, parameters, returns, handler };
}

export function method(receiver: string, name: string, parameters: readonly string[], returns: string, handler: CelFunction["handler"]): CelFunction {
  return { name, receiver, parameters, returns, handler };
}

function sizes(budget: Budget): CelFunction[] {
  const codePoints = (text: string) => {
    budget.spendCharacters(text.length * 4);
    let count = 0n;
    for (const _ of text) count++;
    return count;
  };
  const length = (value: { readonly length: number }) => BigInt(value.length);
  const entries = (map: ReadonlyMap<unknown, unknown>) => BigInt(map.size);
  const handlers: [string, CelFunction["handler"]][] = [["string", codePoints], ["bytes", length], ["list", length], ["map", entries]];
  return handlers.flatMap(([type, handler]) => [fn("size", [type], "int", handler), method(type, "size", [], "int", handler)]);
}

function stringFunctions(budget: Budget): CelFunction[] {
  const matches = (text: string, pattern: string) => Pattern.of(pattern, budget).matches(text, budget);
  return [
    method("string", "contains", ["string"], "bool", (text: string, part: string) => {
      // Searching for a long part takes text times part at worst, as for `aa…b…aa` in `aaaa…`.
      budget.spendCharacters(text.length * (1 + part.length / 16));
      return text.includes(part);
    }),
    method("string", "startsWith", ["string"], "bool", (text: string, part: string) => {
      budget.spendCharacters(part.length);
      return text.startsWith(part);
    }),
    method("string", "endsWith", ["string"], "bool", (text: string, part: string) => {
      budget.spendCharacters(part.length);
      return text.endsWith(part);
    }),
    method("string", "matches", ["string"], "bool", matches),
    fn("matches", ["string", "string"], "bool", matches),
  ];
}

function numberConversions(): CelFunction[] {
  const same = (value: unknown) => value;
  return [
    fn("int", ["int"], "int", same),
    fn("int", ["uint"], "int", (value: UnsignedInt) => int(value.value)),
    fn("int", ["double"], "int", (value: number) => int(truncated(value))),
    fn("int", ["string"], "int", (text: string) => int(parseInteger(text))),
    fn("uint", ["uint"], "uint", same),
    fn("uint", ["int"], "uint", (value: bigint) => uint(value)),
    fn("uint", ["double"], "uint", (value: number) => uint(truncated(value))),
    fn("uint", ["string"], "uint", (text: string) => uint(parseInteger(text))),
    fn("double", ["double"], "double", same),
    fn("double", ["int"], "double", (value: bigint) => Number(value)),
    fn("double", ["uint"], "double", (value: UnsignedInt) => Number(value.value)),
    fn("double", ["string"], "double", parseDouble),
    fn("bool", ["bool"], "bool", same),
    fn("bool", ["string"], "bool", parseBool),
  ];
}

function textConversions(budget: Budget): CelFunction[] {
  const same = (value: unknown) => value;
  return [
    fn("string", ["string"], "string", same),
    fn("string", ["bool"], "string", String),
    fn("string", ["int"], "string", String),
    fn("string", ["uint"], "string", (value: UnsignedInt) => String(value.value)),
    fn("string", ["double"], "string", String),
    fn("string", ["bytes"], "string", (bytes: Uint8Array) => {
      budget.spendCharacters(bytes.length);
      try {
        return utf8.decode(bytes);
      } catch {
        throw new CelValueError("string(): the bytes are not UTF-8");
      }
    }),
    fn("bytes", ["bytes"], "bytes", same),
    fn("bytes", ["string"], "bytes", (text: string) => {
      budget.spendCharacters(text.length);
      return Buffer.from(text);
    }),
  ];
}

function addressAndMapFunctions(budget: Budget): CelFunction[] {
  return [
    fn("ipaddress", ["string"], "ipaddress", (text: string) => {
      budget.spend(parsingSteps);
      return IpAddress.parse(text);
    }),
    method("ipaddress", "in_cidr", ["string"], "bool", (address: IpAddress, block: string) => {
      budget.spend(parsingSteps);
      return address.isIn(IpBlock.parse(block));
    }),
    method("map", "isSubtreeOf", ["map"], "bool", (left: ReadonlyMap<unknown, unknown>, right: ReadonlyMap<unknown, unknown>) =>
      isSubtree(left, right, budget),
    ),
  ];
}

/** An int of CEL: 64 bits, an error beyond. */
export function int(value: bigint): bigint {
  if (value < intMin || value > intMax) throw new CelValueError("integer overflow");
  return value;
}

function uint(value: bigint): UnsignedInt {
  if (value < 0n || value > uintMax) throw new CelValueError("unsigned integer overflow");
  return new UnsignedInt(value);
}

function truncated(value: number): bigint {
  if (!Number.isFinite(value)) throw new CelValueError("integer overflow");
  return BigInt(Math.trunc(value));
}

function parseInteger(text: string): bigint {
  if (!/^[+-]?\d{1,20}$/.test(text)) throw new CelValueError("the string is not a decimal integer");
  return BigInt(text.replace(/^\+/, ""));
}

function parseDouble(text: string): number {
  const number = text.length <= 64 && /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(number)) throw new CelValueError("the string is not a decimal number");
  return number;
}

function parseBool(text: string): boolean {
  if (["1", "t", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "false", "FALSE", "False"].includes(text)) return false;
  throw new CelValueError("the string is neither `true` nor `false`");
}
