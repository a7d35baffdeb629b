import assert from "node:assert/strict";
import { UsherError } from "../../../src/base/errors.js";
import type { LookupObjectsResult, LookupSubjectsResult } from "../../../src/model/service.js";
import type { Verdict } from "../oracle.js";

/** What a lookup says of one, whom it does not show where it is denied. */
export function asVerdict(found: { readonly allowed: boolean; readonly missingFields: readonly string[] } | undefined): Verdict {
  if (found === undefined) return { value: "F" };
  assert.equal(found.allowed, found.missingFields.length === 0);
  return found.allowed ? { value: "T" } : { value: "C", missing: [...found.missingFields] };
}

/** The results, or whom or what a lookup could not decide, where that ended it. */
export async function orUndecided<T>(results: Promise<T>): Promise<T | string> {
  try {
    return await results;
  } catch (error) {
    assert.ok(error instanceof UsherError && error.details["undecided"] !== undefined, String(error));
    assert.equal(error.code, "cycle_through_exclusion");
    return error.details["undecided"];
  }
}

/**
 * The objects found are those of all that there are which the oracle does not deny, in order.
 * @param what is looked up where, for the message
 */
export function assertObjects(found: readonly LookupObjectsResult[], all: readonly string[], verdictOf: (id: string) => Verdict, what: () => string): void {
  const ids = found.map(({ object }) => object.id);
  assert.ok(isInOrder(ids) && ids.every((id) => all.includes(id)), `${ids.join()} ${what()}`);
  for (const id of all) assertSaid(asVerdict(found.find(({ object }) => object.id === id)), verdictOf(id), () => `${id} of ${what()}`);
}

/** The same of subjects, of whom a wildcard says what those are who are not named. @param all one at least whom nothing names */
export function assertSubjects(found: readonly LookupSubjectsResult[], all: readonly string[], verdictOf: (id: string) => Verdict, what: () => string): void {
  const ids = found.map(({ subject }) => subject.id);
  assert.ok(isInOrder(ids), `${ids.join()} ${what()}`);
  for (const id of all) assertSaid(saidOf(found, id), verdictOf(id), () => `${id} of ${what()}`);
  for (const { excluded, allowed, subject: of } of found) {
    assert.ok(excluded.length === 0 || of.id === "*", what());
    for (const { subject, conditional } of excluded) assert.equal(ids.includes(subject.id), conditional, what());
    // Whoever is not certain where the wildcard is has to be told from it.
    if (of.id !== "*" || !allowed) continue;
    for (const each of found) if (!each.allowed) assert.ok(excluded.some(({ subject }) => subject.id === each.subject.id), what());
  }
}

/** Nobody is shown of whom a check cannot say that they are not denied. */
function assertSaid(shown: Verdict, expected: Verdict, what: () => string): void {
  const visible: Verdict = expected.value === "U" ? { value: "F" } : expected;
  if (JSON.stringify(shown) !== JSON.stringify(visible)) assert.deepEqual(shown, visible, what());
}

/** What the results say of a subject. */
function saidOf(results: readonly LookupSubjectsResult[], id: string): Verdict {
  const own = results.find(({ subject }) => subject.id === id);
  if (own !== undefined) return asVerdict(own);
  const wildcard = results.find(({ subject }) => subject.id === "*");
  return wildcard?.excluded.some(({ subject }) => subject.id === id) === true ? { value: "F" } : asVerdict(wildcard);
}

/** Without duplicates; their bytes are ASCII. */
function isInOrder(ids: readonly string[]): boolean {
  return ids.every((id, i) => i === 0 || (ids[i - 1] ?? "") < id);
}
