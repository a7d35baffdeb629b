import { UsherError } from "../../base/errors.js";
import type { AuditRecord } from "../../model/audit.js";
import { isPublicKey } from "../signing-key.js";

/**
 * An export of the log, JSON, one value a line, each as its function here prints it:
 *
 *     {"usher":"decision log","format":1,"origin":"example.com/usher","key":"…","size":2,"filtered":false}
 *     {"index":0,"hash":"…","salt":"…","payload":"{…}"}
 *     {"index":1,"hash":"…"}                                      it was redacted
 *     {"checkpoint":"example.com/usher\n2\n…"}
 *
 * Without a filter the records are all of those below the checkpoint's size, in order. Where the first ones have expired, or were not asked for, the first
 * that is there has the `path` of its inclusion, which holds the hashes of what was before it. With a filter each record has its path, all in the
 * checkpoint's tree.
 */
export interface ExportHeader {
  readonly origin: string;
  /** That signed the checkpoint, base64 of the 32 bytes. */
  readonly key: string;
  /** Of the checkpoint. */
  readonly size: number;
  readonly filtered: boolean;
}

export interface ExportedRecord extends AuditRecord {
  /** 64 hex digits each, from the leaf up. */
  readonly path?: readonly string[];
}

const usher = "decision log";
const format = 1;

/** Each with a line feed at its end. */
export function exportHeaderLine({ origin, key, size, filtered }: ExportHeader): string {
  return `${JSON.stringify({ usher, format, origin, key, size, filtered })}\n`;
}

export function exportRecordLine({ index, hash, salt, payload, path }: ExportedRecord): string {
  return `${JSON.stringify({ index, hash, salt, payload, path })}\n`;
}

export function exportEndLine(checkpoint: string): string {
  return `${JSON.stringify({ checkpoint })}\n`;
}

/** @throws `invalid_file` for what is no export */
export function parseExportHeader(line: string, file: string): ExportHeader {
  const value = parseObject(line);
  if (value === undefined || value["usher"] !== usher) {
    throw new UsherError("invalid_file", `file \`${file}\` is no export of the decision log: its first line is not that of one`, { details: { file } });
  }
  if (value["format"] !== format) throw new UsherError("invalid_file", `file \`${file}\` has format \`${String(value["format"])}\`, and ${format} is read: use the usher that wrote it`, { details: { file } });
  const { origin, key, size, filtered } = value;
  if (typeof origin !== "string" || typeof key !== "string" || !isPublicKey(key) || !isIndex(size) || typeof filtered !== "boolean") {
    throw new UsherError("invalid_file", `file \`${file}\` has a first line with fields that are none of an export`, { details: { file } });
  }
  return { origin, key, size, filtered };
}

/** Undefined: it is neither a record nor an end. */
export function parseExportLine(line: string): ExportedRecord | { readonly checkpoint: string } | undefined {
  const value = parseObject(line);
  if (value === undefined) return undefined;
  const { index, hash, salt, payload, path, checkpoint, ...more } = value;
  if (Object.keys(more).length > 0) return undefined;
  if (typeof checkpoint === "string") return Object.keys(value).length === 1 ? { checkpoint } : undefined;
  const kept = isHex(salt, 32) && typeof payload === "string";
  const redacted = salt === undefined && payload === undefined;
  if (checkpoint !== undefined || !isIndex(index) || !isHex(hash, 64) || !(kept || redacted) || !isPath(path)) return undefined;
  return { index, hash, ...(kept ? { salt, payload } : {}), ...(path === undefined ? {} : { path }) };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === "string" && value.length === digits && /^[0-9a-f]*$/.test(value);
}

function isPath(value: unknown): value is readonly string[] | undefined {
  return value === undefined || (Array.isArray(value) && value.every((each) => isHex(each, 64)));
}
