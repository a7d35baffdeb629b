import { limits } from "../../../base/limits.js";
import { quote } from "../../../model/object.js";
import type { Context } from "../../../model/context.js";
import type { Metadata } from "../../../model/service.js";
import { contextFromStruct, contextToStruct, type StructMessage } from "../../../model/wire/struct.js";
import { reasoned } from "./reasons.js";

/** Under this name a commit keeps what SpiceDB's metadata hold beside texts, which are all that ours are made of. */
const valuesKey = "authzed.api.v1/values";

/** `{ reason: "left", ticket: 7 }` is kept as `reason: left` and `authzed.api.v1/values: {"ticket":7}`. @throws `request_too_large`, `invalid_context` */
export function readMetadata(struct: StructMessage | null | undefined): Metadata | undefined {
  if (!struct) return undefined;
  const entries = Object.entries(contextFromStruct(struct, "the transaction's metadata"));
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const values = entries.filter(([, value]) => typeof value !== "string");
  const metadata = Object.fromEntries(values.length === 0 ? texts : [...texts, [valuesKey, JSON.stringify(Object.fromEntries(values))]]);
  const bytes = Object.entries(metadata).reduce((sum, [key, text]) => sum + Buffer.byteLength(key) + Buffer.byteLength(text), 0);
  if (bytes <= limits.metadataBytesMax) return metadata;
  throw reasoned("request_too_large", "ERROR_REASON_TRANSACTION_METADATA_TOO_LARGE", `the transaction's metadata have ${bytes} bytes: at most ${limits.metadataBytesMax} are kept; ${quote("optional_transaction_metadata")} is too large`);
}

/** Undefined: there are none. */
export function writeMetadata(metadata: Metadata): StructMessage | undefined {
  const { [valuesKey]: values, ...texts } = metadata;
  const context: Context = values === undefined ? texts : { ...texts, ...valuesOf(values) };
  return Object.keys(context).length === 0 ? undefined : contextToStruct(context, "the transaction's metadata");
}

/** Whoever writes by another way may use the name for something of their own. */
function valuesOf(text: string): Context {
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values === "object" && values !== null && !Array.isArray(values)) return values as Context;
  } catch {
    // It is text, and is shown as such.
  }
  return { [valuesKey]: text };
}
