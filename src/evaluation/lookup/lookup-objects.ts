import { limits } from "../../base/limits.js";
import type { Context } from "../../model/context.js";
import { compareIds } from "../../model/id-order.js";
import { formatObject } from "../../model/object.js";
import type { LookupObjectsResult, LookupScope } from "../../model/service.js";
import type { Tuple } from "../../model/tuple.js";
import type { Ground } from "../evaluate.js";
import { firstIds } from "./first-ids.js";
import { Lists } from "./lists.js";
import { naming, objectCandidates, type ObjectsAsked } from "./object-candidates.js";
import { PageBuilder, type Page, type PageOptions } from "./page.js";
import { Reachability } from "../reachability.js";
import { nowhere, type Keeper } from "./shelf.js";
import { answersOf } from "./verdicts.js";

export interface ObjectLookup extends ObjectsAsked, PageOptions {
  readonly context: Context;
  readonly contextualTuples: readonly Tuple[];
  readonly idPrefix: string;
  readonly within?: LookupScope;
}

/**
 * A page of the objects of a type on which a subject is not denied a member, in the order of their ids' bytes: of all candidates,
 * those that Check allows or finds conditional. Enumerating candidates costs the index entries between the subject and all of them;
 * a further page is spared that where the keeper still has them. Checked are those from `after` on, as many as the page needs.
 *
 * @throws the error of a candidate that cannot be decided, `evaluation_too_large`, `cancelled`, `deadline_exceeded`
 */
export async function lookupObjects(lookup: ObjectLookup, ground: Ground, signal?: AbortSignal, keeper: Keeper<ReadonlySet<string>> = nowhere): Promise<Page<LookupObjectsResult>> {
  const { type, permission, subject, context, contextualTuples, idPrefix, after } = lookup;
  const ids = keeper.take() ?? (await candidates(lookup, ground, signal));
  const wanted = (id: string) => id.startsWith(idPrefix) && (after === undefined || compareIds(id, after) > 0);
  const found = await firstIds(ids, limits.lookupCandidatesPerPageMax, wanted, signal);
  const ask = (some: readonly string[]) =>
    answersOf(some.map((id) => ({ object: { type, id }, permission, subject, context, contextualTuples })), ground, signal);
  const page = await new PageBuilder<LookupObjectsResult>(lookup).fill(
    found,
    ask,
    (id) => formatObject({ type, id }),
    (id, verdict) => ({ object: { type, id }, ...verdict }),
  );
  if (page.after !== undefined) keeper.put(ids, ids.size);
  return page;
}

/** Whatever may be a result on one of the pages. */
async function candidates(lookup: ObjectLookup, ground: Ground, signal: AbortSignal | undefined): Promise<ReadonlySet<string>> {
  const { type, within } = lookup;
  const lists = new Lists(ground, lookup.contextualTuples, signal);
  const reachability = Reachability.of(ground.schema);
  if (within === undefined) return objectCandidates(lookup, reachability, lists);
  const scope = new Set<string>();
  await lists.forEach(naming({ type, relation: within.relation }, within.subject), ({ object }) => scope.add(object.id));
  if (scope.size === 0) return scope;
  const ids = await objectCandidates(lookup, reachability, lists);
  return new Set([...ids].filter((id) => scope.has(id)));
}
