import { UsherError } from "../../base/errors.js";
import { checkContext, type Context, type ContextValue } from "../context.js";

/** `google.protobuf.Struct`. */
export interface StructMessage {
  readonly fields: Readonly<Record<string, ValueMessage>>;
}

/** `google.protobuf.Value`: exactly one of these. */
interface ValueMessage {
  readonly nullValue?: number | null;
  readonly numberValue?: number | null;
  readonly stringValue?: string | null;
  readonly boolValue?: boolean | null;
  readonly structValue?: StructMessage | null;
  readonly listValue?: { readonly values: readonly ValueMessage[] } | null;
}

const kinds = ["nullValue", "numberValue", "stringValue", "boolValue", "structValue", "listValue"] as const;

/** @param what names the context in a message: `condition context`. @throws `invalid_context` */
export function contextToStruct(context: Context, what: string): StructMessage {
  return fieldsToStruct(checkContext(context, what));
}

/** @throws `invalid_context`: a value without a kind, with two, or what `checkContext` refuses */
export function contextFromStruct(struct: StructMessage, what: string): Context {
  return checkContext(fieldsFromStruct(struct, what), what);
}

function fieldsToStruct(fields: Readonly<Record<string, ContextValue>>): StructMessage {
  return { fields: Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, valueToWire(value)])) };
}

function valueToWire(value: ContextValue): ValueMessage {
  if (value === null) return { nullValue: 0 };
  if (typeof value === "number") return { numberValue: value };
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(valueToWire) } };
  return { structValue: fieldsToStruct(value as { readonly [key: string]: ContextValue }) };
}

/** The recursion is bounded by the decoder, which refuses messages nested deeper than 100. */
function fieldsFromStruct(struct: StructMessage, what: string): Record<string, ContextValue> {
  return Object.fromEntries(Object.entries(struct.fields).map(([key, value]) => [key, valueFromWire(value, what)]));
}

function valueFromWire(value: ValueMessage, what: string): ContextValue {
  const [kind, ...others] = kinds.filter((each) => Object.hasOwn(value, each));
  if (kind === undefined || others.length > 0) throw new UsherError("invalid_context", `${what} has a value of no kind, or of two: give each value one`);
  if (value.structValue) return fieldsFromStruct(value.structValue, what);
  if (value.listValue) return value.listValue.values.map((item) => valueFromWire(item, what));
  return kind === "nullValue" ? null : (value[kind] as ContextValue);
}
