import { Option, type Command } from "commander";
import type { Consistency } from "../model/service.js";

/** The options that choose the snapshot to read; none: the latest. */
export interface SnapshotOptions {
  readonly at?: string;
  readonly atLeast?: string;
}

export function addSnapshotOptions(command: Command): Command {
  return command
    .addOption(new Option("--at <zookie>", "at exactly this snapshot").conflicts("atLeast"))
    .option("--at-least <zookie>", "at least as fresh as this zookie");
}

export function consistencyOf({ at, atLeast }: SnapshotOptions): { readonly consistency?: Consistency } {
  if (at !== undefined) return { consistency: { kind: "exact", zookie: at } };
  if (atLeast !== undefined) return { consistency: { kind: "atLeast", zookie: atLeast } };
  return {};
}
