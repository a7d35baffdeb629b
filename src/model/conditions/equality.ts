import { UnsignedInt } from "@marcbachmann/cel-js/evaluator";

import type { Budget } from "./budget.js";
import { Duration } from "./duration.js";
import { IpAddress } from "./ip-address.js";
import { Timestamp } from "./timestamp.js";

/**
 * CEL's equality over values of any types: numbers by value whatever their type, lists and maps by their
 * content, values of different types unequal. The library's own treats `[1] == [1.0]` as different where
 * a type is not known before evaluation, and so would call a context value unequal that is equal.
 */
export function celEqual(left: unknown, right: unknown, budget: Budget): boolean {
  if (left === right) return true;
  if (isNumber(left)) return isNumber(right) && number(left) == number(right); // eslint-disable-line eqeqeq
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left)) return Array.isArray(right) && listsEqual(left, right, budget);
  if (left instanceof Map) return right instanceof Map && mapsEqual(left, right, budget);
  if (left instanceof Timestamp) return right instanceof Timestamp && left.ns === right.ns;
  if (left instanceof Duration) return right instanceof Duration && left.ns === right.ns;
  if (left instanceof IpAddress) return right instanceof IpAddress && left.equals(right);
  if (left instanceof Uint8Array) return right instanceof Uint8Array && bytesEqual(left, right, budget);
  return false;
}

/** Whether the list holds the value, or the map the key. */
export function celIn(value: unknown, collection: unknown, budget: Budget): boolean {
  if (collection instanceof Map) return collection.has(mapKey(value));
  return (collection as readonly unknown[]).some((item) => {
    budget.spend(1);
    return celEqual(value, item, budget);
  });
}

/** Numbers are one key space: a whole double finds the int of its value. */
export function mapKey(key: unknown): unknown {
  if (key instanceof UnsignedInt) return key.value;
  return typeof key === "number" && Number.isInteger(key) ? BigInt(key) : key;
}

/** Whether every entry of `left` stands in `right` too; maps in it need only be subtrees. */
export function isSubtree(left: ReadonlyMap<unknown, unknown>, right: ReadonlyMap<unknown, unknown>, budget: Budget): boolean {
  for (const [key, value] of left) {
    budget.spend(1);
    if (!right.has(key)) return false;
    const other = right.get(key);
    const equal = value instanceof Map && other instanceof Map ? isSubtree(value, other, budget) : celEqual(value, other, budget);
    if (!equal) return false;
  }
  return true;
}

/** Strings in the order of their code points, which is the order of their bytes; JavaScript's own is of UTF-16 units. */
export function compareStrings(left: string, right: string, budget: Budget): number {
  const shorter = Math.min(left.length, right.length);
  budget.spendCharacters(shorter);
  let i = 0;
  while (i < shorter && left.charCodeAt(i) === right.charCodeAt(i)) i++;
  if (i === shorter) return left.length - right.length;
  return orderOfUnit(left.charCodeAt(i)) - orderOfUnit(right.charCodeAt(i));
}

/** Surrogates stand for code points above all that one unit holds. */
function orderOfUnit(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function isNumber(value: unknown): value is number | bigint | UnsignedInt {
  return typeof value === "number" || typeof value === "bigint" || value instanceof UnsignedInt;
}

function number(value: number | bigint | UnsignedInt): number | bigint {
  return value instanceof UnsignedInt ? value.value : value;
}

function listsEqual(left: readonly unknown[], right: readonly unknown[], budget: Budget): boolean {
  if (left.length !== right.length) return false;
  budget.spend(left.length);
  return left.every((item, i) => celEqual(item, right[i], budget));
}

function mapsEqual(left: ReadonlyMap<unknown, unknown>, right: ReadonlyMap<unknown, unknown>, budget: Budget): boolean {
  if (left.size !== right.size) return false;
  budget.spend(left.size);
  for (const [key, value] of left) {
    if (!right.has(key) || !celEqual(value, right.get(key), budget)) return false;
  }
  return true;
}

function bytesEqual(left: Uint8Array, right: Uint8Array, budget: Budget): boolean {
  budget.spendCharacters(Math.min(left.length, right.length));
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}
