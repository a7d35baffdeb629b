import { Option, type Command } from "commander";
import { UsherError } from "../base/errors.js";
import type { WatchEvent } from "../model/service.js";
import { formatTuple } from "../model/tuple.js";
import { parseDuration } from "./duration.js";
import { addFilterOptions, filtersOf, type FilterOptions } from "./filter-options.js";
import { instantText, tupleJson } from "./json.js";
import { withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";
import { MemberLines } from "./member-lines.js";
import { readQuestions, watchDecisions, watchHeld } from "./watch-decisions.js";
import { readLookup } from "./watch-lookup.js";

interface WatchOptions extends FilterOptions {
  readonly after?: string;
  readonly earliest?: boolean;
  readonly checkpoint?: number;
  readonly schema?: boolean;
  readonly decisions?: boolean;
  readonly objects?: boolean;
  readonly subjects?: boolean;
}

/** They choose commits, of which a watch of decisions prints none. */
const commitOptions = ["after", "earliest", "checkpoint", "schema", "objectType", "objectId", "objectPrefix", "relation", "subjectType", "subjectId", "subjectRelation"];

export function addWatch(program: Command, run: Runner): void {
  const command = addFilterOptions(program.command("watch"))
    .description("print commits, or with --decisions how decisions stand and what becomes of them, as it happens, until interrupted")
    .argument("[question...]", "with --decisions: object, permission and subjects, or object#permission@subject; none: lines of stdin. With --objects: type, permission and subject. With --subjects: object, permission and type, or type#relation")
    .addOption(new Option("--decisions", "hold these decisions, and print each change of an answer with its cause").conflicts(commitOptions))
    .addOption(new Option("--objects", "hold the objects of a type on which a subject has a permission, and print who is added and removed").conflicts([...commitOptions, "decisions"]))
    .addOption(new Option("--subjects", "hold the subjects of a type that have a permission on an object").conflicts([...commitOptions, "decisions", "objects"]))
    .addOption(new Option("--after <zookie>", "those after this zookie, without gap or duplicate").conflicts("earliest"))
    .option("--earliest", "from the earliest commit that is kept")
    .addOption(new Option("--checkpoint <ms>", "say at least this often how far the stream is complete, as 500 or 5s").argParser(parseInterval))
    .option("--schema", "schema changes too, where filters are given")
    .addHelpText("after", `
Examples:
  $ usher watch
  $ usher watch --after ASNF… --object-type node
  $ usher watch --json --checkpoint 5s
  $ usher watch --decisions node:n1 restart user:ana user:bo
  $ usher watch --decisions 'document:1#view@user:ana with {"ip": "10.1.2.3"}'
  $ usher watch --objects document view user:ana
  $ usher watch --subjects node:n1 restart user`);
  command.action((words: string[]) =>
    run<WatchOptions>(command, async ({ options, output, terminal }) => {
      const lookup = options.objects ? readLookup("objects", words) : options.subjects ? readLookup("subjects", words) : undefined;
      if (!options.decisions && lookup === undefined && words.length > 0) command.error("error: too many arguments: a question needs --decisions", { code: "usher.conflict" });
      const questions = options.decisions ? await readQuestions(words, terminal.stdin) : [];
      const stop = new AbortController();
      const forget = terminal.onSignal(() => stop.abort());
      const closed = () => stop.abort();
      terminal.stdout.once("error", closed);
      try {
        await withUsher(options, async (usher) => {
          if (lookup !== undefined) return watchHeld(usher, new MemberLines(lookup, output), { output, signal: stop.signal });
          if (options.decisions) return watchDecisions(usher, questions, { output, signal: stop.signal });
          for await (const event of usher.watch({ ...request(options), signal: stop.signal })) await writeEvent(event, output);
        });
      } catch (error) {
        if (!(stop.signal.aborted && error instanceof UsherError && error.code === "cancelled")) throw error;
      } finally {
        forget();
        terminal.stdout.off("error", closed);
      }
      return undefined;
    }),
  );
}

function request(options: WatchOptions) {
  const filters = filtersOf(options);
  return {
    ...(options.after === undefined ? {} : { after: options.after }),
    ...(options.earliest ? { fromEarliest: true } : {}),
    ...(options.checkpoint === undefined ? {} : { checkpointMs: options.checkpoint }),
    ...(options.schema ? { schemaChanges: true } : {}),
    ...(filters.length === 0 ? {} : { filters }),
  };
}

async function writeEvent(event: WatchEvent, output: Output): Promise<void> {
  const instant = instantText(event.instant);
  if (event.kind === "checkpoint") {
    await output.write(() => output.style("dim", `checkpoint ${instant}  zookie ${event.zookie}`), () => ({ ...event, instant }));
    return;
  }
  await output.write(
    () => commitText(event, instant, output),
    () => ({ ...event, instant, operations: event.operations.map(({ kind, tuple }) => ({ kind, ...tupleJson(tuple) })) }),
  );
}

function commitText(event: WatchEvent & { kind: "commit" }, instant: string, output: Output): string {
  const metadata = Object.entries(event.metadata).map(([key, value]) => `  ${key}=${JSON.stringify(value)}`);
  const lines = [output.style("bold", `commit ${instant}`) + metadata.join("")];
  for (const { kind, tuple } of event.operations) {
    lines.push(kind === "write" ? output.style("green", `  + ${formatTuple(tuple)}`) : output.style("red", `  - ${formatTuple(tuple)}`));
  }
  if (event.schema !== undefined) lines.push("  the schema was written");
  if (event.zookie !== undefined) lines.push(output.style("dim", `  zookie ${event.zookie}`));
  return lines.join("\n");
}

/** Milliseconds, or a duration. */
function parseInterval(text: string): number {
  return parseDuration(/^\d+$/.test(text) ? `${text}ms` : text);
}
