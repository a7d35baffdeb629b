import { UsherError } from "../../base/errors.js";

/** A field that must have been sent. @throws `invalid_request` */
export function required<T>(value: T | null | undefined, field: string): T {
  if (value !== null && value !== undefined) return value;
  throw new UsherError("invalid_request", `field \`${field}\` is missing`, { details: { field } });
}

/** Reads each entry of a repeated field; what is wrong with one is said with its position. */
export function readEach<Message, Model>(list: readonly Message[], field: string, read: (message: Message) => Model): Model[] {
  return list.map((message, index) => {
    try {
      return read(message);
    } catch (thrown) {
      throw placed(thrown, `${field}[${index}]`);
    }
  });
}

/** Runs `read`, and puts the field's path before what it says is wrong. */
export function within<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw placed(thrown, field);
  }
}

/** What was thrown, with the field's path before what it says is wrong. */
function placed(thrown: unknown, field: string): unknown {
  if (!(thrown instanceof UsherError)) return thrown;
  const inner = thrown.details["field"];
  const path = inner === undefined ? field : `${field}.${inner}`;
  return new UsherError(thrown.code, `\`${field}\`: ${thrown.message}`, { details: { ...thrown.details, field: path }, cause: thrown.cause });
}

/** A number for a field of type uint32, which would else be cut silently. @throws `invalid_request` */
export function uint32(value: number, field: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value;
  throw new UsherError("invalid_request", `field \`${field}\` is \`${value}\`: give a whole number from 0 to 4294967295`, { details: { field } });
}

/** The list, or nothing for an empty one, so that an absent list and an empty one are sent alike. */
export function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/**
 * The object without the properties whose value is undefined or null: an absent optional property of
 * the model is left out, never undefined.
 */
export function compact<T extends object>(properties: { [K in keyof T]: T[K] | null | undefined }): T {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined && value !== null)) as T;
}
