import { Option, type Command } from "commander";
import type { Consistency } from "../model/service.js";
import { parseInstant } from "./instant.js";

/** The options that choose the snapshot to read; none: the latest. */
export interface SnapshotOptions {
  readonly at?: string;
  readonly atLeast?: string;
}

export function addSnapshotOptions(command: Command): Command {
  return command
    .addOption(new Option("--at <zookie|time>", "at exactly this snapshot; or as of an instant, as 2026-03-01T09:30:00Z, or -15m for so long ago").conflicts("atLeast"))
    .option("--at-least <zookie>", "at least as fresh as this zookie");
}

export function consistencyOf({ at, atLeast }: SnapshotOptions): { readonly consistency?: Consistency } {
  if (at !== undefined) return { consistency: atOf(at) };
  if (atLeast !== undefined) return { consistency: { kind: "atLeast", zookie: atLeast } };
  return {};
}

/** A time has a `:`, or begins with `-` and is short; no zookie is like that. */
function atOf(text: string): Consistency {
  return text.includes(":") || /^-\d+[a-z]+$/.test(text) ? { kind: "asOf", instant: parseInstant(text) } : { kind: "exact", zookie: text };
}
