import { extname } from "node:path";
import { Option, type Command } from "commander";
import type { UsherError } from "../../base/errors.js";
import type { Tuple } from "../../model/tuple.js";

/** How files of tuples are written: `lines` as `tuple read` prints them, `jsonl` as it does with `--json`, `csv`, and `yaml`, SpiceDB's validation files. */
export const formats = ["lines", "jsonl", "csv", "yaml"] as const;

export type Format = (typeof formats)[number];

const extensions: Readonly<Record<string, Format>> = { ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".yaml": "yaml", ".yml": "yaml" };

export interface FormatOptions {
  readonly format?: Format;
}

export function addFormatOption(command: Command): Command {
  return command.addOption(new Option("--format <name>", "the file's format (default: by its extension, else lines)").choices(formats));
}

export function formatOf({ format }: FormatOptions, file: string): Format {
  return format ?? extensions[extname(file).toLowerCase()] ?? "lines";
}

/** What a reader found at a line: a tuple, or why there is none. */
export type Entry = { readonly line: number; readonly text: string } & ({ readonly tuple: Tuple } | { readonly problem: UsherError });

/** The columns of CSV, in the order in which they are written; those behind `subject_id` may be left out, and empty fields are none. */
export const columns = ["object_type", "object_id", "relation", "subject_type", "subject_id", "subject_relation", "condition", "context", "expires_at"] as const;

export type Column = (typeof columns)[number];
