import type { Command } from "commander";
import { UsherError } from "../base/errors.js";
import { compileSchema } from "../model/schema/compile.js";
import { diffSchemas } from "../model/schema/diff.js";
import type { ParameterChange, SchemaChange, SchemaChangeKind } from "../model/schema/change.js";
import type { DiffSchemaResponse } from "../model/service.js";
import { exitCodes } from "./exit.js";
import { readInput } from "./input.js";
import { withUsher, type GlobalOptions, type Runner } from "./options.js";
import type { Output, Style } from "./output.js";
import type { Terminal } from "./terminal.js";

export function addDiff(group: Command, run: Runner): void {
  const command = group
    .command("diff")
    .description("what changes in meaning: who gains, who loses, what only reads otherwise. Exit code 0: the same meaning, 1: another one")
    .argument("<file>", "the schema proposed, which is compared with the schema in force and the tuples that stand; `-` for stdin")
    .argument("[file2]", "where a second file is given, it is the one proposed, and is compared with the first; that needs no server")
    .option("--exit-zero", "exit code 0 whatever changes")
    .addHelpText("after", `
Examples:
  $ usher schema diff schema.zed
  $ git show main:schema.zed | usher schema diff - schema.zed

What is widened holds, whatever the tuples are, for all for whom it held; what is narrowed, for none for whom it did not.`);
  command.action((file: string, file2: string | undefined) =>
    run<{ exitZero?: boolean }>(command, async ({ options, output, terminal }) => {
      const answer = await compare(file, file2, options, terminal);
      const same = answer.changes.every(({ kind }) => kind === "equivalent" || kind === "documented");
      await output.write(
        () => diffText(answer, output),
        () => ({ same, ...answer }),
      );
      return same || options.exitZero ? exitCodes.ok : exitCodes.denied;
    }),
  );
}

async function compare(file: string, file2: string | undefined, options: GlobalOptions, terminal: Terminal): Promise<DiffSchemaResponse> {
  if (file === "-" && file2 === "-") throw new UsherError("invalid_request", "stdin cannot be both schemas: name a file for one of them");
  const text = await readInput(file, terminal.stdin);
  if (file2 === undefined) return withUsher(options, (usher) => usher.diffSchema(text));
  return { changes: diffSchemas(compileSchema(text), compileSchema(await readInput(file2, terminal.stdin))) };
}

const styles: Readonly<Record<SchemaChangeKind, Style>> = {
  added: "green",
  removed: "red",
  widened: "yellow",
  narrowed: "yellow",
  changed: "magenta",
  equivalent: "dim",
  documented: "dim",
};

function diffText({ changes, orphans }: DiffSchemaResponse, output: Output): string {
  const lines = changes.length === 0 ? ["nothing differs"] : changes.flatMap((change) => changeLines(change, output));
  if (orphans !== undefined) lines.push(`${output.style("red", "cannot be written")}  ${orphans}`);
  return lines.join("\n");
}

function changeLines(change: SchemaChange, output: Output): string[] {
  const { kind, element, name, indirect, causes = [], from, to } = change;
  const through = causes.length === 0 ? "" : `  ${indirect ? "through" : "also through"} ${causes.join(", ")}`;
  const head = `${output.style(styles[kind], kind.padEnd(10))}  ${element} ${output.style("bold", name)}${indirect ? " indirectly" : ""}${through}`;
  // The text is told where it differs and is not the element's name alone.
  const texts = element === "definition" || from === to ? [] : [...(from === undefined ? [] : [`- ${from}`]), ...(to === undefined ? [] : [`+ ${to}`])];
  return [head, ...[...texts, ...detailLines(change)].map((line) => output.style("dim", `            ${line}`))];
}

function detailLines({ allows = [], forbids = [], parameters = [] }: SchemaChange): string[] {
  return [
    ...(allows.length === 0 ? [] : [`now allows ${allows.join(", ")}`]),
    ...(forbids.length === 0 ? [] : [`no longer allows ${forbids.join(", ")}`]),
    ...parameters.map(parameterText),
  ];
}

function parameterText({ name, from, to }: ParameterChange): string {
  if (from === undefined) return `parameter ${name} added: ${to}`;
  if (to === undefined) return `parameter ${name} removed: ${from}`;
  return `parameter ${name}: ${from} is now ${to}`;
}
