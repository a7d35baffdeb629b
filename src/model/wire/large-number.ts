import { UsherError } from "../../base/errors.js";

/** A uint64, which protobufjs reads as an object of two halves. */
export type LargeNumberMessage = number | { toNumber(): number };

/** A number for a field of type uint64. @throws `invalid_request` where it is none that JavaScript holds exactly */
export function writeLargeNumber(value: number, field: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new UsherError("invalid_request", `field \`${field}\` is \`${value}\`: give a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`, { details: { field } });
}

/** @throws `invalid_request` for one that JavaScript does not hold exactly: it would become another */
export function readLargeNumber(message: LargeNumberMessage, field: string): number {
  return writeLargeNumber(typeof message === "number" ? message : message.toNumber(), field);
}

/** One that may be absent. protobufjs gives it a default then, which stands on the prototype. */
export function readOptionalLargeNumber<Key extends string>(message: { readonly [K in Key]?: LargeNumberMessage | null | undefined }, key: Key, field: string): number | undefined {
  const value = Object.hasOwn(message, key) ? message[key] : undefined;
  return value === undefined || value === null ? undefined : readLargeNumber(value, field);
}
