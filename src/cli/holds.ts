import type { Command } from "commander";
import type { Usher } from "../client/usher.js";
import type { HoldingStream, StandingDecision } from "../model/holds.js";
import { formatObject } from "../model/object.js";
import { formatSubject } from "../model/subject.js";
import { parseObject, parseSubject } from "../model/tuple-text.js";
import { parseCount } from "./duration.js";
import { instantText } from "./json.js";
import { withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";

interface HoldsFlags {
  readonly tenant?: string;
  readonly decisions?: boolean;
  readonly stream?: string;
  readonly object?: string;
  readonly permission?: string;
  readonly subject?: string;
  readonly limit?: number;
}

export function addHolds(program: Command, run: Runner): void {
  const command = program
    .command("holds")
    .description("what is held on the server, of all tenants or of --tenant: its enforcement points, or the live decisions with their answers; takes a key with the role `admin`")
    .option("--decisions", "the live decisions; said by each of the filters, too")
    .option("--object <object>", "decisions on this object")
    .option("--permission <permission>", "decisions of this permission or relation")
    .option("--subject <subject>", "decisions of this subject: type:id, or type:id#relation")
    .option("--stream <id>", "decisions that this stream holds")
    .option("--limit <count>", "print at most this many", parseCount)
    .addHelpText("after", `
Examples:
  $ usher holds
  $ usher holds --object node:n1 --permission restart
  $ usher holds --subject user:ana --json`);
  command.action(() =>
    run<HoldsFlags>(command, async ({ options, output }) => {
      const asked = [options.decisions, options.stream, options.object, options.permission, options.subject].some((flag) => flag !== undefined);
      await withUsher(options, (usher) => (asked ? printDecisions(usher, options, output) : printStreams(usher, options, output)));
      return undefined;
    }),
  );
}

async function printStreams(usher: Usher, { tenant, limit = Infinity }: HoldsFlags, output: Output): Promise<void> {
  let count = 0;
  let holds = 0;
  for await (const stream of usher.holdingStreams(tenant === undefined ? {} : { tenant })) {
    if (count === limit || output.closed) break;
    count++;
    holds += stream.holds;
    await output.write(() => streamLine(stream, output), () => streamJson(stream));
  }
  output.note(`${count} ${count === 1 ? "stream" : "streams"}, ${holds} ${holds === 1 ? "hold" : "holds"}`);
}

async function printDecisions(usher: Usher, { tenant, stream, object, permission, subject, limit = Infinity }: HoldsFlags, output: Output): Promise<void> {
  const filter = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(stream === undefined ? {} : { stream }),
    ...(object === undefined ? {} : { object: parseObject(object) }),
    ...(permission === undefined ? {} : { permission }),
    ...(subject === undefined ? {} : { subject: parseSubject(subject) }),
  };
  let count = 0;
  for await (const decision of usher.heldDecisions(filter)) {
    if (count === limit || output.closed) break;
    count++;
    await output.write(() => decisionLine(decision, output), () => ({ question: questionOf(decision), ...decision }));
  }
  output.note(`${count} ${count === 1 ? "decision" : "decisions"}`);
}

function streamLine(held: HoldingStream, output: Output): string {
  const { stream, tenant, principal, peer, connected, leaseMs, trustsForMs, holds, due, untold, unacknowledged, sent, acknowledged } = held;
  return [
    stream,
    `tenant ${tenant}`,
    ...(principal === "" ? [] : [`key ${principal}`]),
    ...(peer === undefined ? [] : [`from ${peer}`]),
    `lease ${leaseMs / 1_000} s`,
    `${holds} ${holds === 1 ? "hold" : "holds"}`,
    ...(sent === undefined ? ["no checkpoint yet"] : [`complete ${instantText(sent.instant)}`]),
    ...(acknowledged === undefined ? [] : [`acknowledged ${instantText(acknowledged.instant)}`]),
    ...(connected ? [] : [output.style("yellow", `gone, trusts for ${Math.ceil(trustsForMs / 1_000)} s`)]),
    ...(isLagging(held) ? [output.style("yellow", `lagging: ${due} to evaluate, ${untold} to tell, ${unacknowledged} to acknowledge`)] : []),
  ].join("  ");
}

/** The checkpoint that was just sent is on its way: with two, the client is behind. */
function isLagging({ connected, due, untold, unacknowledged }: HoldingStream): boolean {
  return connected && (due > 0 || untold > 0 || unacknowledged > 1);
}

function streamJson(held: HoldingStream): object {
  const { openedAt, sent, acknowledged } = held;
  const reached = (name: string, at: HoldingStream["sent"]) => (at === undefined ? {} : { [name]: { zookie: at.zookie, instant: instantText(at.instant) } });
  return { ...held, openedAt: instantText(openedAt), ...reached("sent", sent), ...reached("acknowledged", acknowledged), lagging: isLagging(held) };
}

function decisionLine(decision: StandingDecision, output: Output): string {
  const { tenant, answer, error, due, holds, honoured } = decision;
  const text = answer ?? "not evaluated yet";
  const style = answer === "allowed" ? "green" : answer === "denied" ? "red" : "yellow";
  return [
    `${output.style(style, text)}${error === undefined ? "" : ` (${error})`}`,
    questionOf(decision),
    `tenant ${tenant}`,
    `${holds} ${holds === 1 ? "hold" : "holds"}`,
    ...(due ? [output.style("yellow", "to be evaluated anew")] : []),
    ...(answer !== "allowed" && honoured > 0 ? [output.style("yellow", `still honoured by ${honoured}`)] : []),
  ].join("  ");
}

function questionOf({ object, permission, subject, context }: StandingDecision): string {
  return `${formatObject(object)}#${permission}@${formatSubject(subject)}${context === undefined ? "" : ` with ${JSON.stringify(context)}`}`;
}
