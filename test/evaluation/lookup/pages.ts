import assert from "node:assert/strict";
import type { Ground } from "../../../src/evaluation/evaluate.js";
import { lookupObjects, type ObjectLookup } from "../../../src/evaluation/lookup/lookup-objects.js";
import { lookupSubjects, type SubjectEnumeration, type SubjectLookup } from "../../../src/evaluation/lookup/lookup-subjects.js";
import type { Page } from "../../../src/evaluation/lookup/page.js";
import { nowhere, Shelf } from "../../../src/evaluation/lookup/shelf.js";
import { limits } from "../../../src/base/limits.js";
import { emptyContext } from "../../../src/model/context.js";
import type { LookupObjectsResult, LookupSubjectsResult } from "../../../src/model/service.js";

const defaults = { context: emptyContext, contextualTuples: [], idPrefix: "", size: limits.pageTuplesMax, countOnly: false };

export type ObjectsAsked = Pick<ObjectLookup, "type" | "permission" | "subject"> & Partial<ObjectLookup>;
export type SubjectsAsked = Pick<SubjectLookup, "object" | "permission" | "wanted"> & Partial<SubjectLookup>;

/** All results, page by page; pages of one result are enumerated once, pages of more each anew. */
export function allObjects(asked: ObjectsAsked, ground: Ground): Promise<LookupObjectsResult[]> {
  const keeper = asked.size === 1 ? new Shelf<ReadonlySet<string>>().keeper("") : nowhere;
  return all(asked, (options) => lookupObjects({ ...defaults, ...asked, ...options }, ground, undefined, keeper));
}

export function allSubjects(asked: SubjectsAsked, ground: Ground): Promise<LookupSubjectsResult[]> {
  const keeper = asked.size === 1 ? new Shelf<SubjectEnumeration>().keeper("") : nowhere;
  return all(asked, (options) => lookupSubjects({ ...defaults, ...asked, ...options }, ground, undefined, keeper));
}

async function all<Result>({ size = defaults.size }: { size?: number }, read: (options: { after?: string }) => Promise<Page<Result>>): Promise<Result[]> {
  const results: Result[] = [];
  let after: string | undefined;
  do {
    const page: Page<Result> = await read(after === undefined ? {} : { after });
    assert.ok(page.results.length <= size, "a page is no larger than asked for");
    assert.equal(page.count.allowed + page.count.conditional, page.results.length);
    assert.notEqual(page.after, after ?? null, "a page goes on");
    results.push(...page.results);
    after = page.after;
  } while (after !== undefined);
  return results;
}
