import { InvalidArgumentError, type Command } from "commander";
import type { Metadata, Precondition } from "../model/service.js";
import { addAwaitOption, awaitRequest, type AwaitOptions } from "./enforcement.js";
import { collect } from "./options.js";
import { filterForm, parseFilter } from "./filter-options.js";

/** The options that say who writes and why. */
export interface MetadataOptions {
  readonly reason?: string;
  readonly actor?: string;
  readonly meta?: Metadata;
}

/** The options of every command that writes tuples. */
export interface WriteOptions extends MetadataOptions, AwaitOptions {
  readonly requestId?: string;
  readonly mustMatch?: readonly string[];
  readonly mustNotMatch?: readonly string[];
  readonly validateOnly?: boolean;
}

export function addMetadataOptions(command: Command): Command {
  return command
    .option("--reason <text>", "why, kept with the commit and shown by watch")
    .option("--actor <name>", "who, kept with the commit")
    .option("--meta <key=value>", "anything else to keep with the commit; may be repeated", collectMeta);
}

export function addWriteOptions(command: Command): Command {
  return addAwaitOption(addMetadataOptions(command))
    .option("--request-id <id>", "a retry with the same id and the same request is not applied again")
    .option("--must-match <filter>", `only if a tuple matches; may be repeated. ${filterForm}`, collect)
    .option("--must-not-match <filter>", "only if no tuple matches; may be repeated", collect)
    .option("--validate-only", "check everything, write nothing");
}

/** @throws `invalid_filter`, `invalid_tuple` */
export function writeRequest(options: WriteOptions) {
  const preconditions: Precondition[] = [
    ...(options.mustMatch ?? []).map((text) => ({ kind: "mustMatch" as const, filter: parseFilter(text) })),
    ...(options.mustNotMatch ?? []).map((text) => ({ kind: "mustNotMatch" as const, filter: parseFilter(text) })),
  ];
  return {
    ...metadataRequest(options),
    ...awaitRequest(options),
    ...(preconditions.length === 0 ? {} : { preconditions }),
    ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
    ...(options.validateOnly ? { validateOnly: true } : {}),
  };
}

export function metadataRequest(options: MetadataOptions): { readonly metadata?: Metadata } {
  const { reason, actor } = options;
  const metadata = { ...options.meta, ...(reason === undefined ? {} : { reason }), ...(actor === undefined ? {} : { actor }) };
  return Object.keys(metadata).length === 0 ? {} : { metadata };
}

function collectMeta(pair: string, before: Metadata = {}): Metadata {
  const at = pair.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be key=value.");
  return { ...before, [pair.slice(0, at)]: pair.slice(at + 1) };
}
