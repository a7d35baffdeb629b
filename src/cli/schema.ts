import { writeFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import { machineTime } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { checkSchema } from "../model/schema/compile.js";
import type { SchemaDiagnostic } from "../model/schema/diagnostics.js";
import { formatSchema } from "../model/schema/format.js";
import { addAwaitOption, awaitRequest, enforcementExit, receiptText, type AwaitOptions } from "./enforcement.js";
import { exitCodes } from "./exit.js";
import { readInput } from "./input.js";
import { withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";
import { addConvert } from "./schema-convert.js";
import { addDiff } from "./schema-diff.js";
import { addTypes } from "./schema-types.js";
import { addMetadataOptions, metadataRequest, type MetadataOptions } from "./write-options.js";

export function addSchema(program: Command, run: Runner): void {
  const group = program.command("schema").description("write, read, check, format and compare schemas, convert those of OpenFGA, and their TypeScript types");
  addWrite(group, run);
  addRead(group, run);
  addCheck(group, run);
  addFormat(group, run);
  addDiff(group, run);
  addTypes(group, run);
  addConvert(group, run);
}

function addWrite(group: Command, run: Runner): void {
  const command = addAwaitOption(addMetadataOptions(group.command("write")))
    .description("make a schema the one in force")
    .argument("<file>", "the schema text; `-` for stdin")
    .option("--validate-only", "check everything, also against the tuples that stand; write nothing")
    .addHelpText("after", `
Examples:
  $ usher schema write schema.zed --reason 'contractors may view dashboards'
  $ usher schema write schema.zed --await 30s
  $ usher schema write - < schema.zed`);
  command.action((file: string) =>
    run<MetadataOptions & AwaitOptions & { validateOnly?: boolean }>(command, async ({ options, output, terminal }) => {
      const text = await readInput(file, terminal.stdin);
      const validateOnly = options.validateOnly ?? false;
      const startedAt = machineTime.monotonicMs();
      const answer = await withUsher(options, (usher) => usher.writeSchema(text, { ...metadataRequest(options), ...awaitRequest(options), validateOnly }));
      const { changed, zookie, enforcement } = answer;
      const receipt = receiptText(zookie, changed, enforcement, machineTime.monotonicMs() - startedAt);
      await output.write(
        () => `${validateOnly ? "the schema is valid" : changed ? "schema written" : "schema unchanged"}  zookie ${zookie}${receipt}`,
        () => answer,
      );
      return enforcementExit(enforcement);
    }),
  );
}

function addRead(group: Command, run: Runner): void {
  const command = group
    .command("read")
    .description("print the schema in force, as it was written")
    .addHelpText("after", "\nExamples:\n  $ usher schema read > schema.zed");
  command.action(() =>
    run(command, async ({ options, output }) => {
      const schema = await withUsher(options, (usher) => usher.readSchema());
      if (output.json) await output.write(() => "", () => schema);
      else await output.print(schema.text.endsWith("\n") ? schema.text : `${schema.text}\n`);
      return undefined;
    }),
  );
}

function addCheck(group: Command, run: Runner): void {
  const command = group
    .command("check")
    .description("tell everything that is wrong in schema files; needs no server")
    .argument("<files...>", "schema files; `-` for stdin")
    .addHelpText("after", "\nExamples:\n  $ usher schema check schema.zed");
  command.action((files: string[]) =>
    run(command, async ({ output, terminal }) => {
      const results: { file: string; diagnostics: SchemaDiagnostic[] }[] = [];
      for (const file of files) results.push({ file, diagnostics: checkSchema(await readInput(file, terminal.stdin)) });
      await output.write(
        () => results.map(({ file, diagnostics }) => (diagnostics.length === 0 ? `${file}: ok` : diagnostics.map((each) => diagnosticText(file, each, output)).join("\n"))).join("\n"),
        () => ({ files: results }),
      );
      return results.some(({ diagnostics }) => diagnostics.some(({ severity }) => severity === "error")) ? exitCodes.error : exitCodes.ok;
    }),
  );
}

function diagnosticText(file: string, { severity, line, column, message, excerpt }: SchemaDiagnostic, output: Output): string {
  return `${file}:${line}:${column}: ${output.style(severity === "error" ? "red" : "yellow", severity)}: ${message}\n${excerpt}`;
}

function addFormat(group: Command, run: Runner): void {
  const command = group
    .command("format")
    .description("print schema files in the one format; needs no server")
    .argument("<files...>", "schema files; `-` for stdin")
    .addOption(new Option("--write", "write the files back").conflicts("check"))
    .option("--check", "print the names of files that are formatted otherwise, exit code 1 if there are any")
    .addHelpText("after", `
Examples:
  $ usher schema format schema.zed --write
  $ usher schema format --check *.zed`);
  command.action((files: string[]) =>
    run<{ write?: boolean; check?: boolean }>(command, async ({ options, output, terminal }) => {
      if (options.write && files.includes("-")) throw new UsherError("invalid_request", "stdin cannot be written back: leave out --write");
      const results: { file: string; formatted: string; changed: boolean }[] = [];
      for (const file of files) {
        const text = await readInput(file, terminal.stdin);
        const formatted = formatSchema(text);
        results.push({ file, formatted, changed: formatted !== text });
      }
      const changed = results.filter((result) => result.changed);
      if (options.write) for (const { file, formatted } of changed) await writeFile(file, formatted);
      if (output.json) await output.write(() => "", () => ({ files: results }));
      else if (options.write || options.check) for (const { file } of changed) await output.print(`${file}\n`);
      else for (const { formatted } of results) await output.print(formatted);
      return options.check && changed.length > 0 ? exitCodes.denied : exitCodes.ok;
    }),
  );
}
