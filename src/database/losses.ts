import { throwIfEnded } from "../base/abort.js";
import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { evaluate } from "../evaluation/evaluate.js";
import type { AuditRecord, FindLossRequest, FindLossResponse, Recorded } from "../model/audit.js";
import { checkName, formatObject } from "../model/object.js";
import type { Call } from "../model/service.js";
import { formatSubject } from "../model/subject.js";
import { formatTuple } from "../model/tuple.js";
import type { Revision, TenantId } from "../model/zookie.js";
import { defaultTenant } from "../model/tenant.js";
import { resolveZookie } from "../storage/resolve-zookie.js";
import type { Commit } from "../storage/store.js";
import type { AuditLog } from "./audit-log.js";
import { logFor, within } from "./audits.js";
import type { Core } from "./core.js";
import { questionOf } from "./replays.js";
import { requireFields, validateAsked, validateObject, validateQuestion } from "./validate.js";

type Entry = Recorded & { readonly hashed?: readonly string[]; readonly cut?: readonly string[] };

interface Decided {
  readonly record: AuditRecord;
  readonly entry: Entry;
}

/**
 * When a subject lost a permission: of the decisions on record the newest that allowed it, and the first after that which did not. The commit
 * between the two is found by evaluating the question, with the context and at the instant of the later one, as of commits in between, by halves.
 */
export async function findLoss(core: Core, kept: AuditLog | undefined, request: FindLossRequest, call: Call): Promise<FindLossResponse> {
  const log = logFor(core, kept, call);
  requireFields(request, "the request");
  const object = formatObject(validateObject(request.object));
  const subject = formatSubject(validateAsked(request.subject));
  const permission = checkName(request.permission, "permission");
  const { allowed, lost } = await between(core, log, { object, permission, subject }, call);
  core.recordings?.query({ loss: { object, permission, subject } }, call);
  const found = { ...(allowed === undefined ? {} : { allowed: allowed.record }), ...(lost === undefined ? {} : { lost: lost.record }) };
  if (allowed === undefined) return { ...found, note: lost === undefined ? "no decision about it is on record" : "no decision on record allowed it" };
  if (lost === undefined) return { ...found, note: "the last decision on record allowed it" };
  try {
    return { ...found, ...(await commitBetween(core, allowed.entry, lost.entry, call)) };
  } catch (error) {
    if (!(error instanceof UsherError) || error.code === "cancelled" || error.code === "deadline_exceeded") throw error;
    return { ...found, note: `the commit cannot be found any more: ${error.message}` };
  }
}

async function between(core: Core, log: AuditLog, filter: { readonly object: string; readonly permission: string; readonly subject: string }, call: Call): Promise<{ allowed?: Decided; lost?: Decided }> {
  let lost: Decided | undefined;
  let cursor: string | undefined;
  do {
    throwIfEnded(call);
    const page = await log.query(
      { filter: within(core, { ...filter, kinds: ["check", "batch_item", "hold", "flip"] }, call), pageSize: limits.auditPageRecordsMax, ...(cursor === undefined ? {} : { cursor }) },
      // An object is one of a tenant: where none is named, as in every question, of the default one.
      call.tenant ?? defaultTenant,
      call.signal,
    );
    for (const record of page.records) {
      if (record.payload === undefined) continue;
      const entry = JSON.parse(record.payload) as Entry;
      if (entry.answer === "allowed") return { allowed: { record, entry }, ...(lost === undefined ? {} : { lost }) };
      lost = { record, entry };
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return lost === undefined ? {} : { lost };
}

/** The commit before which the later decision would have been `allowed`, and after which not. */
async function commitBetween(core: Core, before: Entry, after: Entry, call: Call): Promise<Pick<FindLossResponse, "commit" | "note">> {
  if (after.hashed !== undefined) return { note: `the commit cannot be found: of the context, ${after.hashed.join(", ")} were recorded as hashes` };
  if (after.cut !== undefined) return { note: `the commit cannot be found: the fields ${after.cut.join(", ")} were too large to be recorded` };
  const tenant = core.store.tenant(after.tenant ?? defaultTenant);
  let allowedAt = resolveZookie(core.store, tenant, before.zookie);
  let lostAt = resolveZookie(core.store, tenant, after.zookie);
  const allows = (revision: Revision) => allowsAt(core, tenant, revision, after, after.at, call);
  if (!(await allows(allowedAt))) return { note: "no commit ended it: time did, or it was asked in another context" };
  if (await allows(lostAt)) return { note: "what is stored does not say why: the later decision cannot be come to again" };
  while (lostAt - allowedAt > 1) {
    throwIfEnded(call);
    const middle = Math.floor((allowedAt + lostAt) / 2);
    if (await allows(middle)) allowedAt = middle;
    else lostAt = middle;
  }
  const { commits } = await core.store.log(tenant, allowedAt, 1);
  const commit = commits.find(({ revision }) => revision === lostAt);
  return commit === undefined ? { note: "the commit is not kept any more" } : { commit: told(core, tenant, commit) };
}

async function allowsAt(core: Core, tenant: TenantId, revision: Revision, asked: Recorded, now: Instant, call: Call): Promise<boolean> {
  const snapshot = core.store.snapshot(revision);
  try {
    const { schema } = await core.schemas.at(snapshot, tenant);
    const question = validateQuestion(questionOf(asked, asked.object, asked.permission, asked.subject), schema);
    const [answer] = await evaluate([question], { schema, snapshot, tenant, now }, call.signal);
    return answer?.value === "allowed";
  } catch (error) {
    // Under another schema it may not have been a question at all.
    if (error instanceof UsherError && ["unknown_type", "unknown_relation", "schema_missing"].includes(error.code)) return false;
    throw error;
  } finally {
    snapshot.release();
  }
}

function told(core: Core, tenant: TenantId, { revision, instant, metadata, changes, schema }: Commit): NonNullable<FindLossResponse["commit"]> {
  const listed = changes.slice(0, limits.explainNodesMax).map(({ kind, tuple }) => `${kind} ${formatTuple(tuple)}`);
  return { zookie: core.zookie(tenant, revision), at: instant, metadata, changes: schema === undefined ? listed : ["write the schema", ...listed] };
}
