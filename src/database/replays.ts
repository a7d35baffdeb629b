import { throwIfEnded } from "../base/abort.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Answer } from "../evaluation/answer.js";
import { evaluate, type Ground, type Question } from "../evaluation/evaluate.js";
import { groundsOf } from "../evaluation/grounds.js";
import { explain } from "../evaluation/trace.js";
import type { AuditEntry, AuditRecord, LookupEntry, Recorded, RecordedAnswer, ReplayDecisionsRequest, ReplayDecisionsResponse, ReplayOutcome } from "../model/audit.js";
import type { Context } from "../model/context.js";
import { schemaHash } from "../model/schema/hash.js";
import type { Call, Decision } from "../model/service.js";
import { defaultTenant } from "../model/tenant.js";
import { parseObject, parseSubject, parseTuple } from "../model/tuple-text.js";
import { resolveZookie } from "../storage/resolve-zookie.js";
import type { AuditLog } from "./audit-log.js";
import { logFor, requireIndexes, requireWithin } from "./audits.js";
import type { Core } from "./core.js";
import { requireFields, validateQuestion } from "./validate.js";

/** What a recorded decision was a function of: its snapshot, its schema, its instant, and what was asked. */
export interface RecordedGround extends Pick<Recorded, "at" | "tenant" | "zookie" | "schema" | "context"> {
  readonly contextual?: readonly string[];
}

/** One question of a record, and what was answered. */
interface Replayable {
  readonly question: Question;
  readonly recorded: RecordedAnswer;
}

/** Evaluates recorded decisions again, as of then: with the store's tuples and schema, past every cache. */
export async function replayDecisions(core: Core, kept: AuditLog | undefined, request: ReplayDecisionsRequest, call: Call): Promise<ReplayDecisionsResponse> {
  const log = logFor(core, kept, call);
  requireFields(request, "the request");
  requireIndexes(request.indexes, limits.replayPerCallMax);
  const outcomes: ReplayOutcome[] = [];
  const records = await log.records(request.indexes, call.tenant);
  requireWithin(core, records, call);
  core.recordings?.query({ replay: request.indexes }, call);
  for (const record of records) {
    throwIfEnded(call);
    outcomes.push(await replay(core, record, call.signal));
  }
  return { outcomes };
}

async function replay(core: Core, { index, payload }: AuditRecord, signal: AbortSignal | undefined): Promise<ReplayOutcome> {
  try {
    if (payload === undefined) return notReplayable(index, "it was redacted");
    const entry = JSON.parse(payload) as AuditEntry & { readonly cut?: readonly string[] };
    const asked = askedBy(entry);
    if (asked === undefined) return notReplayable(index, `a record of kind \`${entry.kind}\` is no decision`);
    if (entry.kind === "lookup" && entry.count !== undefined) return notReplayable(index, "of its results the number alone was asked for");
    if (entry.cut !== undefined) return notReplayable(index, `its fields ${entry.cut.join(", ")} were too large to be recorded`);
    const given = entry as RecordedGround & { readonly hashed?: readonly string[] };
    if (given.hashed !== undefined) return notReplayable(index, `of its context, ${given.hashed.join(", ")} were recorded as hashes`);
    return await onGroundOf(core, given, (ground) => compare(index, asked, ground, given.zookie, signal));
  } catch (error) {
    if (!(error instanceof UsherError) || error.code === "cancelled" || error.code === "deadline_exceeded") throw error;
    return notReplayable(index, error.message);
  }
}

async function compare(index: number, asked: readonly Replayable[], ground: Ground, zookie: string, signal: AbortSignal | undefined): Promise<ReplayOutcome> {
  const questions = asked.map(({ question }) => validateQuestion(question, ground.schema));
  const answers = await evaluate(questions, ground, signal);
  const at = answers.findIndex((answer, i) => answer.value !== asked[i]?.recorded);
  const [wrong, question] = [answers[at], questions[at]];
  if (wrong === undefined || question === undefined) return { kind: "same", index };
  const [explained = wrong] = await evaluate([{ ...question, explain: true }], ground, signal);
  return { kind: "different", index, recorded: asked[at]?.recorded ?? "undecided", replayed: valueOf(wrong), grounds: groundsOf(wrong), decision: decisionOf(explained, ground, zookie) };
}

function decisionOf(answer: Answer, { now }: Ground, zookie: string): Decision {
  return { allowed: answer.value === "allowed", missingFields: answer.missing, zookie, instant: now, explanation: explain(answer) };
}

function valueOf({ value }: Answer): RecordedAnswer {
  return value === "pending" ? "undecided" : value;
}

function notReplayable(index: number, why: string): ReplayOutcome {
  return { kind: "not_replayable", index, why };
}

/**
 * Runs the body where a decision was made. It reads the store as of then, and no cache.
 * @throws the codes of zookies, `tenant_unknown`, `schema_changed` where the schema there is not the recorded one
 */
export async function onGroundOf<T>(core: Core, { at, tenant: name = defaultTenant, zookie, schema: hash }: RecordedGround, body: (ground: Ground) => Promise<T>): Promise<T> {
  const tenant = core.store.tenant(name);
  const snapshot = core.store.snapshot(resolveZookie(core.store, tenant, zookie));
  try {
    const { schema } = await core.schemas.at(snapshot, tenant);
    if (schemaHash(schema) !== hash) throw new UsherError("schema_changed", `the schema there is \`${schemaHash(schema)}\`, and \`${hash}\` was recorded`);
    return await body({ schema, snapshot, tenant, now: at, tellsGrounds: true });
  } finally {
    snapshot.release();
  }
}

/** Undefined: it is no decision. A lookup's results are decisions each. */
function askedBy(entry: AuditEntry): readonly Replayable[] | undefined {
  switch (entry.kind) {
    case "check":
    case "batch_item":
    case "hold":
    case "flip": {
      const { object, permission, subject, answer } = entry;
      return [{ question: questionOf(entry, object, permission, subject), recorded: answer }];
    }
    case "lookup":
      return entry.results.map(([found, recorded]) => ({ question: questionOf(entry, ...askedFor(entry, found)), recorded })).filter(({ question }) => question.subject.id !== "*");
    default:
      return undefined;
  }
}

/** Object, permission and subject of one result. */
function askedFor({ found, object, permission = "", subject }: LookupEntry, result: string): [string, string, string] {
  if (found === "objects") return [result, permission, subject];
  return found === "subjects" ? [object, permission, result] : [object, result, subject];
}

export function questionOf({ context, contextual }: { readonly context?: Context; readonly contextual?: readonly string[] }, object: string, permission: string, subject: string): Question {
  return {
    object: parseObject(object),
    permission,
    subject: parseSubject(subject),
    ...(context === undefined ? {} : { context }),
    ...(contextual === undefined ? {} : { contextualTuples: contextual.map(parseTuple) }),
  };
}
