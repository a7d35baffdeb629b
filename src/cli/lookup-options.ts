import { Option, type Command } from "commander";
import { limits } from "../base/limits.js";
import type { LookupCount } from "../model/service.js";
import { parseCount } from "./duration.js";
import { addGivenOptions, givenOf, type GivenOptions } from "./given-options.js";
import type { Output } from "./output.js";
import { addSnapshotOptions, consistencyOf, type SnapshotOptions } from "./snapshot-options.js";

/** What the lookups that list something have in common. */
export interface LookupOptions extends SnapshotOptions, GivenOptions {
  readonly prefix?: string;
  readonly limit?: number;
  readonly count?: boolean;
  readonly conditional?: boolean;
}

export function addLookupOptions(command: Command): Command {
  return addGivenOptions(addSnapshotOptions(command))
    .option("--prefix <text>", "only ids that begin so")
    .option("--conditional", "those too that depend on context fields which are missing, with their names")
    .option("--limit <count>", "print at most this many", parseCount)
    .addOption(new Option("--count", "print how many there are, and no more").conflicts(["limit", "conditional"]));
}

export function lookupRequest(options: LookupOptions) {
  const { prefix, limit = limits.pageTuplesMax } = options;
  return { ...consistencyOf(options), ...givenOf(options), ...(prefix === undefined ? {} : { idPrefix: prefix }), pageSize: Math.min(limit, limits.pageTuplesMax) };
}

interface Found {
  readonly allowed: boolean;
  readonly missingFields: readonly string[];
}

/** Prints what is allowed, and where it was asked for what is conditional, one a line; what was left out is said beside it. */
export async function printFound<Result extends Found>(pages: AsyncIterable<{ readonly results: readonly Result[] }>, options: LookupOptions, output: Output, textOf: (result: Result) => string): Promise<void> {
  let [printed, left] = [0, 0];
  for await (const { results } of pages) {
    for (const result of results) {
      if (!result.allowed && options.conditional !== true) {
        left++;
        continue;
      }
      await output.write(() => `${textOf(result)}${result.allowed ? "" : output.style("yellow", `  conditional  needs ${result.missingFields.join(", ")}`)}`, () => result);
      if (++printed === options.limit || output.closed) return;
    }
  }
  if (left > 0) output.note(`${left} more depend on context fields that are missing: see them with --conditional, or give --context`);
}

export async function printCount(count: LookupCount, output: Output): Promise<void> {
  await output.write(() => `${count.allowed} allowed${count.conditional === 0 ? "" : `, ${count.conditional} conditional`}`, () => count);
}
