import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Context } from "../../model/context.js";
import { compareIds } from "../../model/id-order.js";
import { quote } from "../../model/object.js";
import type { LookupExclusion, LookupSubjectsResult } from "../../model/service.js";
import { formatSubject, wildcardId, type SubjectRef } from "../../model/subject.js";
import type { Tuple } from "../../model/tuple.js";
import type { Ground } from "../evaluate.js";
import { firstIds } from "./first-ids.js";
import { KnownLists } from "./known-lists.js";
import { Lists } from "./lists.js";
import { PageBuilder, type Page, type PageOptions } from "./page.js";
import { Reachability } from "../reachability.js";
import { nowhere, type Keeper } from "./shelf.js";
import { subjectCandidates, type SubjectCandidates, type SubjectsAsked } from "./subject-candidates.js";
import { answersOf, verdictOf, type Verdict } from "./verdicts.js";

export interface SubjectLookup extends SubjectsAsked, PageOptions {
  readonly context: Context;
  readonly contextualTuples: readonly Tuple[];
  readonly idPrefix: string;
}

/** Whoever may be a result on one of the pages, and the lists that were read for it. */
export interface SubjectEnumeration {
  readonly candidates: SubjectCandidates;
  readonly known: KnownLists;
  readonly weight: number;
}

/**
 * A page of the subjects of a kind that are not denied a member of an object: the wildcard first, where one grants, then all that a
 * tuple names, in the order of their ids' bytes. Enumerating candidates costs the tuples below the object, which then serve the checks; a
 * further page is spared that where the keeper still has them. Checked are those from `after` on, as many as the page needs.
 *
 * The wildcard speaks of all ids that no tuple below the object names: what holds for one of them holds for each. Named ones speak for
 * themselves, and stand in its exclusions where it says too much of them; for these the first page checks all of them.
 *
 * @throws the error of a candidate that cannot be decided, `response_too_large`, `evaluation_too_large`, `cancelled`, `deadline_exceeded`
 */
export async function lookupSubjects(lookup: SubjectLookup, ground: Ground, signal?: AbortSignal, keeper: Keeper<SubjectEnumeration> = nowhere): Promise<Page<LookupSubjectsResult>> {
  const { object, permission, wanted, context, contextualTuples, idPrefix, after } = lookup;
  const enumeration = keeper.take() ?? (await enumerate(lookup, ground, signal));
  const { candidates } = enumeration;
  const { schema, tenant, now } = ground;
  const known = enumeration.known.over(ground.snapshot);
  const subjectOf = (id: string): SubjectRef => ({ ...wanted, id });
  const nameOf = (id: string) => formatSubject(subjectOf(id));
  const resultOf = (id: string, verdict: Verdict): LookupSubjectsResult => ({ subject: subjectOf(id), ...verdict, excluded: [] });
  const ask = (some: readonly string[]) =>
    answersOf(some.map((id) => ({ object, permission, subject: subjectOf(id), context, contextualTuples })), { schema, snapshot: known, tenant, now, known }, signal);

  const isWanted = (id: string) => id.startsWith(idPrefix) && (after === undefined || after === wildcardId || compareIds(id, after) > 0);

  const builder = new PageBuilder<LookupSubjectsResult>(lookup);
  const wildcard = candidates.wildcard && after === undefined ? verdictOf((await ask([unnamedId(candidates.ids)]))[0], nameOf(wildcardId)) : undefined;
  let page: Page<LookupSubjectsResult>;
  if (wildcard === undefined) {
    page = await builder.fill(await firstIds(candidates.ids, limits.lookupCandidatesPerPageMax, isWanted, signal), ask, nameOf, resultOf);
  } else {
    const named = await firstIds(candidates.ids, limits.lookupBesideWildcardMax, isWanted, signal);
    if (named.more) throw tooManyNamed(wanted.type);
    const answers = new Map((await ask(named.first)).map((answer, at) => [named.first[at], answer]));
    const excluded = named.first.flatMap((id) => exclusionFrom(wildcard, verdictOf(answers.get(id), nameOf(id)), subjectOf(id)));
    if (!lookup.countOnly) requireFit(excluded, wanted.type);
    builder.add(wildcard, wanted.type.length, () => ({ ...resultOf(wildcardId, wildcard), excluded }));
    page = await builder.fill(named, async (some) => some.map((id) => answers.get(id)), nameOf, resultOf, wildcardId);
  }
  if (page.after !== undefined) keeper.put(enumeration, enumeration.weight);
  return page;
}

async function enumerate(lookup: SubjectLookup, ground: Ground, signal: AbortSignal | undefined): Promise<SubjectEnumeration> {
  const known = new KnownLists(ground.snapshot);
  const lists = new Lists(ground, lookup.contextualTuples, signal);
  const candidates = await subjectCandidates(lookup, Reachability.of(ground.schema), lists, known);
  return { candidates, known, weight: lists.size };
}

/** What the wildcard says of one that is named, where that is too much: that it is denied, or not certain. */
function exclusionFrom(wildcard: Verdict, verdict: Verdict | undefined, subject: SubjectRef): LookupExclusion[] {
  if (verdict === undefined) return [{ subject, conditional: false }];
  return wildcard.allowed && !verdict.allowed ? [{ subject, conditional: true }] : [];
}

function tooManyNamed(type: string): UsherError {
  return new UsherError(
    "evaluation_too_large",
    `wildcard ${quote(`${type}:*`)} grants, and more than ${limits.lookupBesideWildcardMax} are named beside it (\`lookupBesideWildcardMax\`): look up by prefixes of ids`,
  );
}

/** @throws `response_too_large` */
function requireFit(excluded: readonly LookupExclusion[], type: string): void {
  const bytes = excluded.reduce((sum, { subject }) => sum + Buffer.byteLength(subject.id) + type.length, 0);
  if (excluded.length <= limits.lookupExclusionsMax && bytes <= limits.pageBytesMax) return;
  const bound = `${limits.lookupExclusionsMax} or ${limits.pageBytesMax} bytes`;
  throw new UsherError("response_too_large", `wildcard ${quote(`${type}:*`)} has ${excluded.length} exclusions, more than ${bound}: look up by prefixes of ids`);
}

/** An id that no tuple which matters names. */
function unnamedId(named: ReadonlySet<string>): string {
  let id = "nobody";
  for (let i = 1; named.has(id); i++) id = `nobody-${i}`;
  return id;
}
