import { randomInt } from "node:crypto";
import { Option, type Command } from "commander";
import { UsherError } from "../base/errors.js";
import type { Usher } from "../client/usher.js";
import { formatObject } from "../model/object.js";
import { compileSchema } from "../model/schema/compile.js";
import { formatSubject } from "../model/subject.js";
import { parseCheck, type CheckText } from "../model/tuple-text.js";
import { parseCount, parseDuration } from "./duration.js";
import { exitCodes } from "./exit.js";
import { drawExplanation } from "./explanation.js";
import { readInput } from "./input.js";
import { explanationJson } from "./json.js";
import { withUsher, type Runner, type Task } from "./options.js";
import type { Output } from "./output.js";
import { Comparison, differs, type Compared, type Said } from "./spicedb/comparison.js";
import { addSpiceDbOptions, spiceDbConnection, type SpiceDbFlags } from "./spicedb/connection.js";
import { SpiceDb } from "./spicedb/peer.js";
import { receive } from "./spicedb/refused.js";
import { withLine } from "./spicedb/question-lines.js";
import { questionsOf, Reservoir, Seeded } from "./spicedb/sample.js";
import { drawTrace } from "./spicedb/trace.js";
import type { Terminal } from "./terminal.js";

interface CompareOptions extends SpiceDbFlags {
  readonly sample: number;
  readonly scan: number;
  readonly seed?: number;
  readonly wait: number;
}

export function addCompare(program: Command, run: Runner, terminal: Terminal): void {
  const command = addSpiceDbOptions(program.command("compare"), terminal)
    .description("ask a running SpiceDB and this server the same questions. Exit code 0: every answer is the same, 1: some differ")
    .argument("<source>", "spicedb://HOST[:PORT]")
    .argument("[file]", "questions, one a line, as object#permission@subject, then maybe `with {…}`; `-` for stdin; none: made of the tuples of both")
    .addOption(new Option("--sample <count>", "how many questions are made").argParser(parseCount).default(200))
    .addOption(new Option("--scan <count>", "of how many tuples of each side at most").argParser(parseCount).default(100_000))
    .addOption(new Option("--seed <number>", "the same seed and the same tuples make the same questions").argParser(parseCount))
    .addOption(new Option("--wait <duration>", "how long what differs is asked again, since a mirror is behind").argParser(parseDuration).default(5_000, "5s"))
    .addHelpText("after", `
Examples:
  $ usher compare spicedb://127.0.0.1:50052 --spicedb-insecure --spicedb-token somekey
  $ usher compare spicedb://spicedb.internal questions.txt --json`);
  command.action((source: string, file: string | undefined) =>
    run<CompareOptions>(command, async (task) => {
      const stop = new AbortController();
      const forget = task.terminal.onSignal(() => stop.abort(new UsherError("cancelled", "interrupted")));
      const spicedb = new SpiceDb(await spiceDbConnection(source, task.options), task.options.timeout);
      try {
        return await withUsher(task.options, (usher) => compare(spicedb, usher, file, task, stop.signal));
      } finally {
        spicedb.close();
        forget();
      }
    }),
  );
}

async function compare(spicedb: SpiceDb, usher: Usher, file: string | undefined, { options, output, terminal }: Task<CompareOptions>, signal: AbortSignal): Promise<number> {
  const seed = options.seed ?? randomInt(1, 1_000_000);
  const questions = file === undefined ? await sample(spicedb, usher, options, new Seeded(seed), signal) : readQuestions(file, await readInput(file, terminal.stdin));
  if (questions.length === 0) throw new UsherError("invalid_request", "there is nothing to ask: give a file of questions, or write tuples");
  const compared = await new Comparison(spicedb, usher).ask(questions, options.wait, signal);
  const differing = compared.filter(differs);
  const undecided = compared.filter((each) => !differs(each) && each.usher.answer === "undecided").length;
  const details: Awaited<ReturnType<typeof detailOf>>[] = [];
  for (const each of differing) details.push(await detailOf(each, spicedb, usher, output));
  const counts = { asked: compared.length, same: compared.length - differing.length, differ: differing.length, undecided, ...(file === undefined && { seed }) };
  await output.write(
    () => [...details.map(({ text }) => text), Object.entries(counts).map(([key, count]) => `${key} ${count}`).join("  ")].join("\n"),
    () => ({ ...counts, differences: details.map(({ value }) => value) }),
  );
  return differing.length === 0 ? exitCodes.ok : exitCodes.denied;
}

function readQuestions(file: string, text: string): CheckText[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const question = line.trim();
    return question === "" || question.startsWith("//") ? [] : [withLine(file, index + 1, () => parseCheck(question))];
  });
}

/** Of the tuples of both: what only one of them holds is what is looked for. */
async function sample(spicedb: SpiceDb, usher: Usher, { sample: count, scan }: CompareOptions, random: Seeded, signal: AbortSignal): Promise<CheckText[]> {
  const [theirs, ours] = [new Reservoir<ReturnType<typeof receive>>(count, random), new Reservoir<ReturnType<typeof receive>>(count, random)];
  let seen = 0;
  for await (const batch of spicedb.exportAll(undefined, signal)) {
    for (const message of batch) theirs.add(receive(message));
    if ((seen += batch.length) >= scan) break;
  }
  seen = 0;
  for await (const { tuples } of usher.exportTuples({}, { signal })) {
    for (const tuple of tuples) ours.add({ tuple });
    if ((seen += tuples.length) >= scan) break;
  }
  const tuples = [...theirs.items, ...ours.items].flatMap((each) => ("tuple" in each ? each.tuple : []));
  return questionsOf(tuples, compileSchema((await usher.readSchema({ signal })).text), count, random);
}

/** Why each side says what it says, as far as it tells. */
async function detailOf(each: Compared, spicedb: SpiceDb, usher: Usher, output: Output): Promise<{ readonly text: string; readonly value: object }> {
  const { question } = each;
  const [ours, theirs] = await Promise.all([explained(() => usher.check(question.object, question.permission, question.subject, { context: question.context, explain: true })), explained(() => spicedb.check(question))]);
  const explanation = ours?.explanation;
  const trace = theirs?.debugTrace?.check ?? undefined;
  const name = `${formatObject(question.object)}#${question.permission}@${formatSubject(question.subject)}`;
  const given = Object.keys(question.context).length === 0 ? "" : ` with ${JSON.stringify(question.context)}`;
  const lines = [`differs  ${name}${given}  spicedb ${saidText(each.spicedb)}  usher ${saidText(each.usher)}`];
  if (trace !== undefined) lines.push("  spicedb", indented(drawTrace(trace, output)));
  if (explanation !== undefined) lines.push("  usher", indented(drawExplanation(explanation, output)));
  return {
    text: lines.join("\n"),
    value: {
      question: name,
      ...(given !== "" && { context: question.context }),
      spicedb: { ...each.spicedb, ...(trace !== undefined && { trace }) },
      usher: { ...each.usher, ...(explanation !== undefined && { explanation: explanationJson(explanation) }) },
    },
  };
}

/** What cannot be explained, since it is an error, has been told already. */
async function explained<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof UsherError) return undefined;
    throw error;
  }
}

function saidText(said: Said): string {
  return "error" in said ? `undecided (${said.error})` : said.answer;
}

function indented(text: string): string {
  return text.replace(/^/gm, "    ");
}
