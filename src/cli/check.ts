import type { Command } from "commander";
import { parseCheck, parseObject, parseSubject, type CheckText } from "../model/tuple-text.js";
import { exitCodes } from "./exit.js";
import { drawExplanation, resultOf, resultStyles } from "./explanation.js";
import { addGivenOptions, givenOf, type GivenOptions } from "./given-options.js";
import { explanationJson, instantText } from "./json.js";
import { withUsher, type Runner } from "./options.js";
import { addSnapshotOptions, consistencyOf, type SnapshotOptions } from "./snapshot-options.js";

interface CheckOptions extends SnapshotOptions, GivenOptions {
  readonly explain?: boolean;
}

export function addCheck(program: Command, run: Runner): void {
  const command = addGivenOptions(addSnapshotOptions(program.command("check")))
    .description("may a subject do something to an object? Exit code 0: allowed, 1: denied, 3: conditional")
    .argument("<object>", "type:id, or the whole question as object#permission@subject")
    .argument("[permission]", "a permission or relation of the object's type")
    .argument("[subject]", "type:id, or type:id#relation")
    .option("--explain", "show how the answer came about")
    .addHelpText("after", `
Examples:
  $ usher check node:n1 restart user:ana
  $ usher check 'node:n1#restart@user:ana' --explain
  $ usher check document:1 view user:bo --context '{"ip": "10.1.2.3"}'
  $ usher check node:n1 restart user:bo --with 'team:sre#member@user:bo'`);
  command.action((first: string, permission: string | undefined, subject: string | undefined) =>
    run<CheckOptions>(command, async ({ options, output }) => {
      const question = readQuestion(command, first, permission, subject);
      const decision = await withUsher(options, (usher) =>
        usher.check(question.object, question.permission, question.subject, {
          context: question.context,
          explain: options.explain ?? false,
          ...consistencyOf(options),
          ...givenOf(options),
        }),
      );
      const result = resultOf(decision);
      const { explanation } = decision;
      await output.write(
        () => {
          const needs = result === "conditional" ? `  needs ${decision.missingFields.join(", ")}` : "";
          const tree = explanation === undefined ? "" : `\n${drawExplanation(explanation, output)}`;
          return `${output.style(resultStyles[result], result)}${needs}${tree}`;
        },
        () => ({
          result,
          ...decision,
          instant: instantText(decision.instant),
          ...(explanation === undefined ? {} : { explanation: explanationJson(explanation) }),
        }),
      );
      return exitCodes[result === "allowed" ? "ok" : result];
    }),
  );
}

function readQuestion(command: Command, first: string, permission: string | undefined, subject: string | undefined): CheckText {
  if (permission === undefined) return parseCheck(first);
  if (subject === undefined) command.error("error: missing required argument 'subject'", { code: "commander.missingArgument" });
  return { object: parseObject(first), permission, subject: parseSubject(subject), context: {} };
}
