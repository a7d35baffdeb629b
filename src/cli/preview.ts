import type { Command } from "commander";
import { UsherError } from "../base/errors.js";
import { create, remove, touch } from "../client/references.js";
import type { PreviewedChange, PreviewChangeResponse } from "../model/preview.js";
import { formatObject } from "../model/object.js";
import { formatSubject } from "../model/subject.js";
import { parseCheck } from "../model/tuple-text.js";
import { exitCodes } from "./exit.js";
import { readInput } from "./input.js";
import { instantText } from "./json.js";
import { collect, withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";
import type { Terminal } from "./terminal.js";
import { parseCount } from "./duration.js";

interface PreviewFlags {
  readonly write?: readonly string[];
  readonly touch?: readonly string[];
  readonly delete?: readonly string[];
  readonly schema?: string;
  readonly checks?: string;
  readonly limit?: number;
  readonly failOnLoss?: boolean;
}

export function addPreview(program: Command, run: Runner): void {
  const command = program
    .command("preview")
    .description("who would lose and gain what by a write that is not made: of the decisions that are held, and of a list. Exit code 0, with --fail-on-loss 1 where something is lost")
    .option("--write <tuple>", "a tuple created; may be repeated", collect)
    .option("--touch <tuple>", "a tuple written, whether it stands already or not; may be repeated", collect)
    .option("--delete <tuple>", "a tuple deleted; may be repeated", collect)
    .option("--schema <file>", "a schema put in force, in place of tuples; `-` for stdin")
    .option("--checks <file>", "checks that nobody need hold, one a line, as object#permission@subject, maybe with {context}; `-` for stdin")
    .option("--limit <count>", "list at most this many changes", parseCount)
    .option("--fail-on-loss", "exit code 1 where something is lost, or where that cannot be said because not everything was looked at or listed")
    .addHelpText("after", `
Examples:
  $ usher preview --delete 'team:sre#member@user:ana'
  $ usher preview --schema schema.zed --checks critical.txt --fail-on-loss`);
  command.action(() =>
    run<PreviewFlags>(command, async ({ options, output, terminal }) => {
      const request = await requestOf(options, terminal);
      const answer = await withUsher(options, (usher) => usher.preview(request));
      await output.write(
        () => previewText(answer, output),
        () => ({ ...answer, instant: instantText(answer.instant), changes: answer.changes.map((change) => ({ question: questionOf(change), lost: isLoss(change), ...change })) }),
      );
      // What was not looked at or not listed may be lost too: losses come first, but not all decisions were evaluated.
      return options.failOnLoss && (answer.more || answer.changes.some(isLoss)) ? exitCodes.denied : exitCodes.ok;
    }),
  );
}

async function requestOf({ write = [], touch: touched = [], delete: deleted = [], schema, checks, limit }: PreviewFlags, { stdin }: Terminal) {
  if (schema === "-" && checks === "-") throw new UsherError("invalid_request", "stdin cannot be both the schema and the checks: name a file for one of them");
  const operations = [...write.map(create), ...touched.map(touch), ...deleted.map(remove)];
  return {
    ...(operations.length === 0 ? {} : { operations }),
    ...(schema === undefined ? {} : { schemaText: await readInput(schema, stdin) }),
    ...(checks === undefined ? {} : { checks: readChecks(await readInput(checks, stdin)) }),
    ...(limit === undefined ? {} : { limit }),
  };
}

/** One a line; blank lines and lines that begin with `//` are skipped. @throws as `parseCheck` */
function readChecks(text: string) {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("//")).map((line) => {
    const { context, ...check } = parseCheck(line);
    return Object.keys(context).length === 0 ? check : { ...check, context };
  });
}

function previewText({ changes, evaluated, more }: PreviewChangeResponse, output: Output): string {
  const lines = changes.map((change) => changeLine(change, output));
  const lost = changes.filter(isLoss).length;
  lines.push(output.style("dim", `lost ${lost}  gained ${changes.length - lost}  of ${evaluated}${more ? "  and there is more than is listed" : ""}`));
  return lines.join("\n");
}

function changeLine(change: PreviewedChange, output: Output): string {
  const { before, after, beforeError, afterError, holds } = change;
  const [sign, style] = isLoss(change) ? (["-", "red"] as const) : (["+", "green"] as const);
  const held = holds === 0 ? "" : `  (${holds} ${holds === 1 ? "hold" : "holds"})`;
  return `${output.style(style, sign)} ${questionOf(change)}  ${answerText(before, beforeError)} → ${answerText(after, afterError)}${held}`;
}

function answerText(answer: string, error: string | undefined): string {
  return error === undefined ? answer : `${answer} (${error})`;
}

function questionOf({ object, permission, subject, context }: PreviewedChange): string {
  return `${formatObject(object)}#${permission}@${formatSubject(subject)}${context === undefined ? "" : ` with ${JSON.stringify(context)}`}`;
}

/** From allowed to anything less, and from conditional to denied. */
function isLoss({ before, after }: PreviewedChange): boolean {
  return before === "allowed" || after === "denied";
}
