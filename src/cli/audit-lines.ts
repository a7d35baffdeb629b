import { unreachable } from "../base/assert.js";
import type { LoggedRecord } from "../client/decision-log.js";
import type { AuditEntry, LogEntry, RecordedAnswer, WriteEntry } from "../model/audit.js";
import { instantText } from "./json.js";
import type { Output, Style } from "./output.js";

type Styler = Pick<Output, "style">;

const styles: Readonly<Record<RecordedAnswer, Style>> = { allowed: "green", denied: "red", conditional: "yellow", undecided: "magenta" };

/** Of a write so many operations are shown in its line. */
const operationsShown = 3;

/** `1842  2026-03-01T09:30:00.000Z  allowed  document:1#view@user:ana  check  key reports  for ana@example.com`. */
export function recordLine({ index, entry }: LoggedRecord, output: Styler): string {
  if (entry === undefined) return `${index}  ${output.style("dim", "redacted")}`;
  return [String(index), instantText(entry.at), ...what(entry, output), ...output.style("dim", who(entry).join("  ")).split("\n")].filter((part) => part !== "").join("  ");
}

/** For programs: what was recorded, as it was, under its number. */
export function recordJson({ index, hash, entry, redacted }: LoggedRecord): object {
  return { index, hash, ...(entry === undefined ? { redacted } : { at: instantText(entry.at), entry }) };
}

/** Who it was, for whom, and in which call. */
function who({ tenant, principal, actor, session, request }: AuditEntry): string[] {
  const parts = { tenant, key: principal === "" ? undefined : principal, for: actor, session, request };
  return Object.entries(parts).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
}

function what(entry: AuditEntry, output: Styler): string[] {
  switch (entry.kind) {
    case "check":
    case "batch_item":
      return [...answered(entry, output), entry.kind];
    case "hold":
      return [...answered(entry, output), `hold ${entry.hold} of ${entry.stream}`];
    case "flip":
      return [...answered(entry, output), `flip, was ${entry.before}`, `cause ${entry.cause.kind}${metadataText(entry.cause.metadata)}`];
    case "lookup":
      return [`lookup of ${entry.found}`, `${entry.object}#${entry.permission ?? "*"}@${entry.subject}`, `found ${entry.results.length}`];
    case "acknowledgement":
      return ["acknowledgement", `by ${entry.stream}`, `of ${entry.holds.length} holds up to ${entry.zookie}`];
    case "release":
      return [questionOf(entry), `hold ${entry.hold} of ${entry.stream} ${entry.why}`, `${entry.answer} at the end`, ...(entry.uses === undefined ? [] : [`used ${entry.uses} times`])];
    case "lease_end":
      return ["lease_end", `of ${entry.stream}`, `with ${entry.holds} holds`];
    case "write":
      return ["write", `changed ${entry.changed}`, ...operationsOf(entry), metadataText(entry.metadata).trimStart()];
    case "schema":
      return ["schema", entry.schema, metadataText(entry.metadata).trimStart()];
    case "tenant":
      return ["tenant", `${entry.name} ${entry.action}`];
    case "configuration":
      return ["configuration", `${Object.keys(entry.settings).length} settings`];
    case "authentication":
      return ["authentication", `refused ${entry.count} of ${entry.peer}: ${entry.reason}`];
    case "query":
      return ["query", entry.asked];
    default:
      return ofTheLog(entry);
  }
}

function ofTheLog(entry: LogEntry): string[] {
  switch (entry.kind) {
    case "start":
      return ["start", `mode ${entry.mode}, version ${entry.version}`, ...(entry.clean ? [] : ["the process before did not close the log: its last records may be missing"])];
    case "stop":
      return ["stop"];
    case "key":
      return ["key", entry.key];
    case "redaction":
      return ["redaction", `of ${entry.records.length}: ${entry.reason}`];
    case "retention":
      return ["retention", `below ${entry.below}, by ${entry.reason}`];
    case "sampling":
      return ["sampling", `one in ${entry.oneIn}`];
    default:
      return unreachable(entry);
  }
}

interface Answered {
  readonly answer: RecordedAnswer;
  readonly object: string;
  readonly permission: string;
  readonly subject: string;
  readonly missing?: readonly string[];
  readonly error?: string;
}

function answered(entry: Answered, output: Styler): string[] {
  const why = entry.error === undefined ? (entry.missing === undefined ? [] : [`needs ${entry.missing.join(", ")}`]) : [entry.error];
  return [output.style(styles[entry.answer], entry.answer), questionOf(entry), ...why];
}

function questionOf({ object, permission, subject }: Pick<Answered, "object" | "permission" | "subject">): string {
  return `${object}#${permission}@${subject}`;
}

function operationsOf({ operations = [], import: imported, filters }: WriteEntry): string[] {
  if (imported !== undefined) return [`import ${imported}`];
  if (filters !== undefined) return [`delete by ${JSON.stringify(filters)}`];
  const shown = operations.slice(0, operationsShown).join(", ");
  return [operations.length > operationsShown ? `${shown} and ${operations.length - operationsShown} more` : shown];
}

/** `  reason="offboarded"`. */
export function metadataText(metadata: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(metadata ?? {}).map(([key, value]) => `  ${key}=${JSON.stringify(value)}`).join("");
}

export function styleOf(answer: RecordedAnswer): Style {
  return styles[answer];
}
