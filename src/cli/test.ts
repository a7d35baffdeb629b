import { writeFile } from "node:fs/promises";
import { InvalidArgumentError, Option, type Command } from "commander";
import { asError, UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { Coverage, coverageText, percentText } from "./coverage.js";
import { exitCodes, reportFailure } from "./exit.js";
import { formatJunit } from "./junit.js";
import type { Runner } from "./options.js";
import { outcomeJson, outcomeText, passed, runFile, type Outcome } from "./test-outcome.js";

interface TestOptions {
  readonly junit?: string;
  readonly coverage?: boolean;
  readonly coverageMin?: number;
}

export function addTest(program: Command, run: Runner): void {
  const command = program
    .command("test")
    .description("run validation files: schema, relationships, assertions and validation in YAML; needs no server")
    .argument("<files...>", "as SpiceDB's tools read them; `.fga.yaml`, as OpenFGA's do")
    .option("--junit <file>", "also write the results as JUnit's XML")
    .option("--coverage", "tell which relations and permissions no assertion or validation exercises")
    .addOption(new Option("--coverage-min <percent>", "fail, with exit code 1, where fewer are exercised").argParser(parsePercent))
    .addHelpText("after", `
Examples:
  $ usher test permissions.yaml
  $ usher test tests/*.yaml --json
  $ usher test store.fga.yaml
  $ usher test tests/*.yaml --junit results.xml --coverage-min 90`);
  command.action((files: string[]) =>
    run<TestOptions>(command, async ({ options, output, terminal }) => {
      const outcomes: Outcome[] = [];
      const coverage = new Coverage();
      for (const file of files) {
        const outcome = await runFile(file);
        outcomes.push(outcome);
        if ("result" in outcome) coverage.add(file, outcome.result);
        if (output.json) continue;
        await output.print(`${outcomeText(outcome, output)}\n`);
        if ("error" in outcome) reportFailure(outcome.error, terminal, false);
      }
      if (options.junit !== undefined) await writeReport(options.junit, formatJunit(outcomes));
      const report = options.coverage || options.coverageMin !== undefined ? coverage.report() : undefined;
      const covered = report === undefined || report.percent >= (options.coverageMin ?? 0);
      if (output.json) await output.write(() => "", () => ({ passed: outcomes.every(passed) && covered, files: outcomes.map(outcomeJson), ...(report && { coverage: report }) }));
      else if (report !== undefined) await output.print(`${coverageText(report, output)}\n`);
      if (report !== undefined && !covered) output.note(`coverage is ${percentText(report.percent)}, less than the ${percentText(options.coverageMin ?? 0)} asked for`);
      if (outcomes.some((outcome) => "error" in outcome)) return exitCodes.error;
      return outcomes.every(passed) && covered ? exitCodes.ok : exitCodes.denied;
    }),
  );
}

function parsePercent(text: string): number {
  const percent = Number(text);
  if (!/^\d{1,3}(\.\d{1,3})?$/.test(text) || percent > 100) throw new InvalidArgumentError("It must be a number from 0 to 100.");
  return percent;
}

async function writeReport(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new UsherError("invalid_file", `file ${quote(file)} cannot be written: ${asError(error).message}`, { details: { file }, cause: error });
  }
}
