import { Option, type Command } from "commander";
import type { Instant } from "../base/clock.js";
import { limits } from "../base/limits.js";
import type { DecisionLog } from "../client/decision-log.js";
import type { AuditKind, ReplayOutcome } from "../model/audit.js";
import { collectIndexes } from "./audit-filter.js";
import { styleOf } from "./audit-lines.js";
import { exitCodes } from "./exit.js";
import { drawExplanation } from "./explanation.js";
import { parseInstant } from "./instant.js";
import { explanationJson, instantText } from "./json.js";
import { withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";

interface ReplayFlags {
  readonly since?: Instant;
  readonly until?: Instant;
}

/** What can be evaluated again. */
const decisionKinds: readonly AuditKind[] = ["check", "batch_item", "lookup", "hold", "flip"];

export function addAuditReplay(group: Command, run: Runner): void {
  const command = group
    .command("replay")
    .description("evaluate recorded decisions again, as of then, and print those that come to something else. Exit code 1: there are some")
    .argument("[index...]", "records", collectIndexes)
    .addOption(new Option("--since <time>", "every decision from this instant on: 2026-03-01T09:30:00Z, or -24h for so long ago").argParser(parseInstant))
    .addOption(new Option("--until <time>", "with --since: before this instant").argParser(parseInstant))
    .addHelpText("after", `
Examples:
  $ usher audit replay 1842
  $ usher audit replay --since -1h`);
  command.action((indexes: readonly number[]) =>
    run<ReplayFlags>(command, async ({ options, output }) => {
      const named = indexes.length > 0;
      if (named === (options.since !== undefined)) command.error("error: give records, or --since", { code: "usher.conflict" });
      if (named && options.until !== undefined) command.error("error: --until goes with --since", { code: "usher.conflict" });
      const counts = await withUsher(options, ({ audit }) => printReplay(audit, named ? [indexes] : chosen(audit, options), output));
      return counts.different > 0 ? exitCodes.denied : undefined;
    }),
  );
}

/** The decisions of an interval, in their order. */
async function* chosen(audit: DecisionLog, { since, until }: ReplayFlags): AsyncGenerator<readonly number[], void> {
  const filter = { kinds: decisionKinds, oldestFirst: true, pageSize: limits.replayPerCallMax, ...(since !== undefined && { from: since }), ...(until !== undefined && { to: until }) };
  let part: number[] = [];
  for await (const { index, redacted } of audit.query(filter)) {
    if (redacted) continue;
    if (part.push(index) < limits.replayPerCallMax) continue;
    yield part;
    part = [];
  }
  yield part;
}

interface Counts {
  same: number;
  different: number;
  notReplayable: number;
}

async function printReplay(audit: DecisionLog, lists: Iterable<readonly number[]> | AsyncIterable<readonly number[]>, output: Output): Promise<Counts> {
  const counts: Counts = { same: 0, different: 0, notReplayable: 0 };
  for await (const indexes of lists) {
    for await (const outcome of audit.replay(indexes)) {
      if (outcome.kind === "same") counts.same++;
      else {
        counts[outcome.kind === "different" ? "different" : "notReplayable"]++;
        await output.write(() => outcomeText(outcome, output), () => outcomeJson(outcome));
      }
    }
    if (output.closed) break;
  }
  const { same, different, notReplayable } = counts;
  await output.write(() => `same ${same}  different ${different}  not replayable ${notReplayable}`, () => counts);
  return counts;
}

function outcomeText(outcome: Exclude<ReplayOutcome, { kind: "same" }>, output: Output): string {
  if (outcome.kind === "not_replayable") return output.style("dim", `${outcome.index}  not replayable  ${outcome.why}`);
  const { index, recorded, replayed, decision, grounds } = outcome;
  const lines = [`${index}  recorded ${output.style(styleOf(recorded), recorded)}  replayed ${output.style(styleOf(replayed), replayed)}`];
  lines.push(grounds.length === 0 ? "  recorded on no tuples" : "  recorded on", ...grounds.map((tuple) => `    ${tuple}`));
  if (decision?.explanation !== undefined) lines.push("  replayed", drawExplanation(decision.explanation, output).replace(/^/gm, "    "));
  return lines.join("\n");
}

function outcomeJson(outcome: ReplayOutcome): object {
  if (outcome.kind !== "different" || outcome.decision === undefined) return outcome;
  const { explanation, instant, ...decision } = outcome.decision;
  return { ...outcome, decision: { ...decision, instant: instantText(instant), ...(explanation && { explanation: explanationJson(explanation) }) } };
}
