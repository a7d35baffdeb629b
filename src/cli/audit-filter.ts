import { InvalidArgumentError, Option, type Command } from "commander";
import type { Instant } from "../base/clock.js";
import type { DecisionFilter } from "../client/decision-log.js";
import { auditKinds, type AuditKind, type RecordedAnswer } from "../model/audit.js";
import { parseObject, parseSubject } from "../model/tuple-text.js";
import { parseInstant } from "./instant.js";

/** The options that choose records. */
export interface AuditFilterOptions {
  readonly object?: string;
  readonly permission?: string;
  readonly subject?: string;
  readonly principal?: string;
  readonly actor?: string;
  readonly session?: string;
  readonly request?: string;
  readonly answer?: RecordedAnswer;
  readonly kind?: readonly AuditKind[];
  readonly zookie?: string;
  readonly from?: Instant;
  readonly to?: Instant;
}

const answers: readonly RecordedAnswer[] = ["allowed", "denied", "conditional", "undecided"];

/** @param times whether an interval may be chosen, too */
export function addAuditFilterOptions(command: Command, times = true): Command {
  command
    .option("--object <object>", "about this object: type:id; lookups that found it, too")
    .option("--permission <permission>", "about this permission or relation")
    .option("--subject <subject>", "about this subject: type:id, or type:id#relation")
    .option("--principal <id>", "made with this key or certificate")
    .option("--actor <text>", "made on this one's behalf")
    .option("--session <text>", "made in this session")
    .option("--request <id>", "of the call with this id")
    .addOption(new Option("--answer <answer>", "answered so").choices(answers))
    .addOption(new Option("--kind <kind>", `of this kind; may be repeated: ${auditKinds.join(", ")}`).argParser(collectKinds))
    .option("--zookie <zookie>", "decisions at, and changes by, exactly this commit");
  if (!times) return command;
  return command
    .addOption(new Option("--from <time>", "at this instant or later: 2026-03-01T09:30:00Z, or -24h for so long ago").argParser(parseInstant))
    .addOption(new Option("--to <time>", "before this instant").argParser(parseInstant));
}

/** @throws `invalid_tuple`, `invalid_id`, `invalid_name` */
export function auditFilterOf({ object, subject, kind, ...options }: AuditFilterOptions): DecisionFilter {
  const texts = ["permission", "principal", "actor", "session", "request", "answer", "zookie", "from", "to"] as const;
  return {
    ...Object.fromEntries(texts.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]]))),
    ...(kind === undefined ? {} : { kinds: kind }),
    ...(object === undefined ? {} : { object: parseObject(object) }),
    ...(subject === undefined ? {} : { subject: parseSubject(subject) }),
  };
}

function collectKinds(text: string, before: readonly AuditKind[] = []): readonly AuditKind[] {
  const kind = auditKinds.find((each) => each === text);
  if (kind === undefined) throw new InvalidArgumentError(`Allowed choices are ${auditKinds.join(", ")}.`);
  return [...before, kind];
}

/** The number of a record. */
export function parseIndex(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0.");
  return Number(text);
}

/** For an argument that may be given several times. */
export function collectIndexes(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, parseIndex(text)];
}
