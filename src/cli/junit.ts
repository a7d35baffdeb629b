import { drawExplanation } from "./explanation.js";
import type { Outcome } from "./test-outcome.js";
import type { CaseResult, Failure } from "./validation-run.js";

/**
 * Outcomes as the XML that build servers read, after JUnit: a `testsuite` a file, a `testcase` an assertion or a validation.
 * A file that could not be run is a suite whose one case has an `error`.
 *
 *     <testsuites name="usher test" tests="1" failures="1" errors="0">
 *       <testsuite name="doc.yaml" file="doc.yaml" tests="1" failures="1" errors="0">
 *         <testcase name="assertTrue `doc:1#view@user:bo`" classname="doc.yaml" file="doc.yaml" line="8">
 *           <failure message="…: expected allowed, is denied" type="failure">doc.yaml:8: …</failure>
 */
export function formatJunit(outcomes: readonly Outcome[]): string {
  const all = outcomes.map(countsOf);
  const sum = (what: keyof Counts) => all.reduce((total, counts) => total + counts[what], 0);
  const counts = { tests: sum("tests"), failures: sum("failures"), errors: sum("errors") };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${attributes({ name: "usher test", ...counts })}>`,
    ...outcomes.flatMap((outcome) => suite(outcome)),
    "</testsuites>",
    "",
  ].join("\n");
}

interface Counts {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
}

function countsOf(outcome: Outcome): Counts {
  if ("error" in outcome) return { tests: 1, failures: 0, errors: 1 };
  const { cases } = outcome.result;
  return { tests: cases.length, failures: cases.filter(({ failures }) => failures.length > 0).length, errors: 0 };
}

function suite(outcome: Outcome): string[] {
  const { file } = outcome;
  const cases = "error" in outcome ? errorCase(file, outcome.error) : outcome.result.cases.flatMap((each) => testCase(file, each));
  return [`  <testsuite ${attributes({ name: file, file, ...countsOf(outcome) })}>`, ...cases, "  </testsuite>"];
}

function errorCase(file: string, { code, message }: { readonly code: string; readonly message: string }): string[] {
  return [
    `    <testcase ${attributes({ name: "the file", classname: file, file })}>`,
    `      <error ${attributes({ message, type: code })}>${escapeText(message)}</error>`,
    "    </testcase>",
  ];
}

function testCase(file: string, { name, line, failures }: CaseResult): string[] {
  const head = attributes({ name, classname: file, file, line });
  const [first] = failures;
  if (first === undefined) return [`    <testcase ${head}/>`];
  // A case has at most one failure in this format, so the differences of a validation are told in one.
  const message = failures.length === 1 ? first.message : `${first.message} (and ${failures.length - 1} more)`;
  const body = failures.map((failure) => failureText(file, failure)).join("\n");
  return [`    <testcase ${head}>`, `      <failure ${attributes({ message, type: "failure" })}>${escapeText(body)}</failure>`, "    </testcase>"];
}

const plain = { style: (_style: unknown, text: string) => text };

function failureText(file: string, { line, message, explanation }: Failure): string {
  return `${file}:${line}: ${message}${explanation === undefined ? "" : `\n${drawExplanation(explanation, plain)}`}`;
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escapeText(String(value)).replace(/[\t\n]/g, (space) => `&#${space.charCodeAt(0)};`)}"`)
    .join(" ");
}

/** What XML 1.0 cannot hold in any form: most controls, lone surrogates, U+FFFE and U+FFFF. */
// eslint-disable-next-line no-control-regex
const impossible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;" };

/** Text as it may stand between tags and in attributes. What cannot be written becomes U+FFFD, so that a report is read whatever ids it tells of. */
export function escapeText(text: string): string {
  return text.replace(impossible, "\ufffd").replace(/[&<>"\r]/g, (character) => entities[character] ?? character);
}
