import { hash, randomBytes } from "node:crypto";

import { limits } from "../base/limits.js";
import type { AuditEntry } from "../model/audit.js";
import type { Context } from "../model/context.js";

/** An entry as it is handed over. */
export interface Payload {
  readonly text: string;
  /** Absent: nothing in it hangs on the salt. */
  readonly salt?: Uint8Array;
}

const saltBytes = 16;

/** What is cut where an entry is too large, what tells least first. */
const cuttable = ["grounds", "metadata", "filters", "contextual", "results", "operations", "text", "context", "settings", "holds", "records"] as const;

/** UTF-16 units that are certain to fit, whatever they are in UTF-8. */
const shortUnits = Math.floor(limits.auditPayloadBytesMax / 3);

/**
 * Replaces the values of some context fields by hashes over salt and value, so that a value can be shown to have been this one, and not be found by hashing
 * all that it might have been in advance. Undefined: it has none of the fields.
 *
 *     { ip: "10.0.0.7", hour: 9 } → { ip: "sha256:5a1c…", hour: 9 }
 */
export function hashFields(entry: AuditEntry, fields: readonly string[]): { readonly entry: AuditEntry; readonly salt: Uint8Array } | undefined {
  const context = "context" in entry ? entry.context : undefined;
  const hashed = context === undefined ? [] : fields.filter((field) => Object.hasOwn(context, field));
  if (context === undefined || hashed.length === 0) return undefined;
  const salt = randomBytes(saltBytes);
  const values = hashed.map((field) => [field, hashValue(salt, context[field])]);
  return { entry: { ...entry, context: { ...context, ...(Object.fromEntries(values) as Context) }, hashed } as AuditEntry, salt };
}

/** As it stands in a record whose salt is this one. */
export function hashValue(salt: Uint8Array, value: unknown): string {
  return `sha256:${hash("sha256", Buffer.concat([salt, Buffer.from(JSON.stringify(value))]))}`;
}

/** Whether the text may be too long; most are known not to be without counting. */
export function isTooLong(text: string): boolean {
  return text.length > shortUnits && Buffer.byteLength(text) > limits.auditPayloadBytesMax;
}

/** The entry with so much less in its large fields that it fits, and the names of those in a field `cut`. Lists keep their first elements. */
export function cutPayload(entry: AuditEntry): string {
  let fields: Record<string, unknown> = { ...entry };
  const cut: string[] = [];
  for (const name of cuttable) {
    if (fields[name] === undefined) continue;
    cut.push(name);
    const rest = JSON.stringify({ ...fields, [name]: emptied(fields[name]), cut });
    const room = limits.auditPayloadBytesMax - Buffer.byteLength(rest);
    fields = { ...fields, [name]: shortened(fields[name], Math.max(0, room)), cut };
    const text = JSON.stringify(fields);
    if (!isTooLong(text)) return text;
  }
  // What is left are names and ids, each of which has a bound of its own.
  return JSON.stringify(fields);
}

function emptied(value: unknown): unknown {
  return Array.isArray(value) ? [] : typeof value === "string" ? "" : {};
}

function shortened(value: unknown, room: number): unknown {
  if (Array.isArray(value)) {
    let left = room;
    return value.slice(0, value.findIndex((each) => (left -= Buffer.byteLength(JSON.stringify(each)) + 1) < 0));
  }
  // JSON writes a unit as six characters at most.
  return typeof value === "string" ? value.slice(0, Math.floor(room / 6)).toWellFormed() : {};
}
