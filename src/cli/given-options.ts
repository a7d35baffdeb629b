import type { Command } from "commander";
import { asError, UsherError } from "../base/errors.js";
import { checkContext, type Context } from "../model/context.js";
import { collect } from "./options.js";

/** What a question is given beside the data. */
export interface GivenOptions {
  readonly context?: string;
  readonly with?: readonly string[];
}

export function addGivenOptions(command: Command): Command {
  return command
    .option("--context <json>", "a JSON object of values for conditions")
    .option("--with <tuple>", "as if this tuple stood too; may be repeated", collect);
}

/** @throws `invalid_context` */
export function givenOf(options: GivenOptions): { readonly context?: Context; readonly contextualTuples?: readonly string[] } {
  return {
    ...(options.context === undefined ? {} : { context: readContext(options.context) }),
    ...(options.with === undefined ? {} : { contextualTuples: options.with }),
  };
}

function readContext(text: string): Context {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsherError("invalid_context", `--context is not JSON: ${asError(error).message}`, { cause: error });
  }
  return checkContext(value, "--context");
}
