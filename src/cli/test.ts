import type { Command } from "commander";
import { UsherError } from "../base/errors.js";
import { exitCodes, reportFailure } from "./exit.js";
import { drawExplanation } from "./explanation.js";
import { explanationJson } from "./json.js";
import type { Runner } from "./options.js";
import type { Output } from "./output.js";
import { readValidationFile } from "./validation-file.js";
import { runValidationFile, type Failure } from "./validation-run.js";

type Outcome =
  | { readonly file: string; readonly assertions: number; readonly validations: number; readonly failures: readonly Failure[] }
  | { readonly file: string; readonly error: UsherError };

export function addTest(program: Command, run: Runner): void {
  const command = program
    .command("test")
    .description("run validation files: schema, relationships, assertions and validation in YAML; needs no server")
    .argument("<files...>", "as SpiceDB's tools read them")
    .addHelpText("after", "\nExamples:\n  $ usher test permissions.yaml\n  $ usher test tests/*.yaml --json");
  command.action((files: string[]) =>
    run(command, async ({ output, terminal }) => {
      const outcomes: Outcome[] = [];
      for (const file of files) {
        const outcome = await runFile(file);
        outcomes.push(outcome);
        if (output.json) continue;
        await output.print(`${outcomeText(outcome, output)}\n`);
        if ("error" in outcome) reportFailure(outcome.error, terminal, false);
      }
      if (output.json) await output.write(() => "", () => ({ passed: outcomes.every(passed), files: outcomes.map(outcomeJson) }));
      if (outcomes.some((outcome) => "error" in outcome)) return exitCodes.error;
      return outcomes.every(passed) ? exitCodes.ok : exitCodes.denied;
    }),
  );
}

/** A file that is itself wrong does not keep the others from running. */
async function runFile(file: string): Promise<Outcome> {
  try {
    const validation = await readValidationFile(file);
    const failures = await runValidationFile(validation);
    return { file, assertions: validation.assertions.length, validations: validation.validations.length, failures };
  } catch (error) {
    if (error instanceof UsherError) return { file, error };
    throw error;
  }
}

function passed(outcome: Outcome): boolean {
  return "failures" in outcome && outcome.failures.length === 0;
}

function outcomeText(outcome: Outcome, output: Output): string {
  if ("error" in outcome) return `${output.style("red", "✗")} ${outcome.file}  could not be run`;
  const { file, assertions, validations, failures } = outcome;
  const counts = `${count(assertions, "assertion")}, ${count(validations, "validation")}`;
  if (failures.length === 0) return `${output.style("green", "✓")} ${file}  ${counts}`;
  const told = failures.map(({ line, message, explanation }) => {
    const tree = explanation === undefined ? "" : `\n    ${drawExplanation(explanation, output).replaceAll("\n", "\n    ")}`;
    return `  ${file}:${line}: ${message}${tree}`;
  });
  return [`${output.style("red", "✗")} ${file}  ${counts}, ${failures.length} failed`, ...told].join("\n");
}

function outcomeJson(outcome: Outcome): unknown {
  if ("error" in outcome) {
    const { code, message, details } = outcome.error;
    return { file: outcome.file, error: { code, message, details } };
  }
  return {
    ...outcome,
    failures: outcome.failures.map((failure) => ({ ...failure, ...(failure.explanation === undefined ? {} : { explanation: explanationJson(failure.explanation) }) })),
  };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
