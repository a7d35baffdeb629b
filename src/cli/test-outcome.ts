import { UsherError } from "../base/errors.js";
import { drawExplanation } from "./explanation.js";
import { isStoreFile, readStoreFile } from "./fga-file.js";
import { runStoreFile } from "./fga-run.js";
import { explanationJson } from "./json.js";
import type { Output } from "./output.js";
import { readValidationFile } from "./validation-file.js";
import { runValidationFile, type Failure, type ValidationResult } from "./validation-run.js";

/** What one file came to: run, or itself wrong. */
export type Outcome =
  | { readonly file: string; readonly assertions: number; readonly validations: number; readonly result: ValidationResult }
  | { readonly file: string; readonly error: UsherError };

/** A file that is itself wrong does not keep the others from running. */
export async function runFile(file: string): Promise<Outcome> {
  try {
    if (isStoreFile(file)) return await runStore(file);
    const validation = await readValidationFile(file);
    const result = await runValidationFile(validation);
    return { file, assertions: validation.assertions.length, validations: validation.validations.length, result };
  } catch (error) {
    if (error instanceof UsherError) return { file, error };
    throw error;
  }
}

/** Of OpenFGA's tests each check and each list is an assertion. */
async function runStore(file: string): Promise<Outcome> {
  const result = await runStoreFile(await readStoreFile(file));
  return { file, assertions: result.cases.length, validations: 0, result };
}

export function passed(outcome: Outcome): boolean {
  return "result" in outcome && outcome.result.cases.every(({ failures }) => failures.length === 0);
}

export function outcomeText(outcome: Outcome, output: Output): string {
  if ("error" in outcome) return `${output.style("red", "✗")} ${outcome.file}  could not be run`;
  const { file, assertions, validations, result } = outcome;
  const failures = failuresOf(result);
  const counts = `${count(assertions, "assertion")}, ${count(validations, "validation")}`;
  if (failures.length === 0) return `${output.style("green", "✓")} ${file}  ${counts}`;
  const told = failures.map(({ line, message, explanation }) => {
    const tree = explanation === undefined ? "" : `\n    ${drawExplanation(explanation, output).replaceAll("\n", "\n    ")}`;
    return `  ${file}:${line}: ${message}${tree}`;
  });
  return [`${output.style("red", "✗")} ${file}  ${counts}, ${failures.length} failed`, ...told].join("\n");
}

export function outcomeJson(outcome: Outcome): unknown {
  if ("error" in outcome) {
    const { code, message, details } = outcome.error;
    return { file: outcome.file, error: { code, message, details } };
  }
  const { file, assertions, validations, result } = outcome;
  const failures = failuresOf(result).map((failure) => ({ ...failure, ...(failure.explanation === undefined ? {} : { explanation: explanationJson(failure.explanation) }) }));
  return { file, assertions, validations, failures };
}

function failuresOf({ cases }: ValidationResult): Failure[] {
  return cases.flatMap(({ failures }) => failures).sort((a, b) => a.line - b.line);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
