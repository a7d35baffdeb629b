import { throwIfEnded } from "../base/abort.js";
import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { checkName, quote } from "../model/object.js";
import type { BatchCheckRequest, BatchCheckResponse, BatchCheckResult, Call, CheckRequest, Decision, ExpandRequest, ExpandResponse } from "../model/service.js";
import type { TenantId } from "../model/zookie.js";
import type { Answer } from "../evaluation/answer.js";
import { evaluate, evaluateAtHead, type Evaluation, type HeadGround, type Question } from "../evaluation/evaluate.js";
import { expand } from "../evaluation/expand.js";
import { evaluateFromMemory } from "../evaluation/from-memory.js";
import { explain } from "../evaluation/trace.js";
import type { Snapshot } from "../storage/store.js";
import type { Core } from "./core.js";
import type { RecordedAt } from "./recordings.js";
import type { SchemaVersion } from "./schemas.js";
import { checkCount, memberOf, requireFields, requireList, validateObject, validateQuestion } from "./validate.js";

/** What a check is evaluated on. */
export interface CheckGround extends HeadGround {
  /** The newest state is wanted, rather than the snapshot itself. */
  readonly atHead: boolean;
}

export async function check(core: Core, request: CheckRequest, call: Call): Promise<Decision> {
  requireFields(request, "the request");
  return checkAtOnce(core, request, call) ?? withGround(core, request.consistency, call, async (ground) => {
    const question = validateQuestion(request, ground.schema);
    const { answers, revision, now } = await answer([question], ground, call.signal);
    return given(core, question, answers[0], { schema: ground.schema, now, zookie: core.zookie(ground.tenant, revision) }, call);
  });
}

/**
 * The decision, where the schema and all that the check reads are in memory: then nothing is waited for, and nobody has to hear
 * of the call's end. Undefined: they are not, the walk is a long one, or the question is of a kind that shares nothing with others.
 */
function checkAtOnce(core: Core, request: CheckRequest, call: Call): Decision | Promise<Decision> | undefined {
  throwIfEnded(call);
  const { consistency, explain = false, contextualTuples } = request;
  if (consistency?.kind === "exact" || consistency?.kind === "asOf" || explain || contextualTuples !== undefined) return undefined;
  const tenant = core.tenant(call);
  const snapshot = core.snapshot(tenant, consistency);
  try {
    const version = core.schemas.atHand(snapshot, tenant);
    if (version === undefined) return undefined;
    const ground = groundOn(core, tenant, snapshot, version, consistency);
    const question = validateQuestion(request, version.schema);
    const at = evaluateFromMemory(question, ground);
    return at && given(core, question, at.answer, { schema: version.schema, now: at.now, zookie: core.zookie(tenant, at.revision) }, call);
  } finally {
    snapshot.release();
  }
}

/** All items at one snapshot; what one finds out serves the others. An item that is wrong or undecided is an error of its own. */
export async function batchCheck(core: Core, request: BatchCheckRequest, call: Call): Promise<BatchCheckResponse> {
  requireFields(request, "the request");
  requireList(request.items, "items");
  checkCount(request.items.length, limits.batchItemsMax, "items");
  return withGround(core, request.consistency, call, async (ground) => {
    const items = request.items.map((item) => attempt(() => validateQuestion(item, ground.schema)));
    const { answers, revision, now } = await answer(items.flatMap((item) => ("value" in item ? [item.value] : [])), ground, call.signal);
    const zookie = core.zookie(ground.tenant, revision);
    let answered = 0;
    const recorded: Promise<void>[] = [];
    const results = items.map((item): BatchCheckResult => {
      if ("error" in item) return item;
      const found = answers[answered++];
      const waiting = found && core.recordings?.decision("batch_item", item.value, found, { schema: ground.schema, now, zookie }, call);
      if (waiting !== undefined) recorded.push(waiting);
      const decision = attempt(() => decisionOf(found, item.value, now, zookie));
      return "error" in decision ? decision : { decision: decision.value };
    });
    if (recorded.length > 0) await Promise.all(recorded);
    return { zookie, results };
  });
}

/** The decision, once it has been recorded as far as that must be waited for. @throws the error of an undecided answer */
function given(core: Core, question: Question, found: Answer | undefined, at: RecordedAt, call: Call): Decision | Promise<Decision> {
  const recorded = found && core.recordings?.decision("check", question, found, at, call);
  const decision = () => decisionOf(found, question, at.now, at.zookie);
  // What is undecided throws; not before its record has been waited for, of whose failure nobody would hear otherwise.
  return recorded === undefined ? decision() : recorded.then(decision);
}

/** At head from memory; at a snapshot that was asked for by name from there. */
async function answer(questions: readonly Question[], ground: CheckGround, signal: AbortSignal | undefined): Promise<Evaluation> {
  if (ground.atHead) return evaluateAtHead(questions, ground, signal);
  return { answers: await evaluate(questions, ground, signal), revision: ground.snapshot.revision, now: ground.now };
}

/** What the act gives, or the error of an item; what is not the item's own fault is thrown on. */
function attempt<T>(act: () => T): { value: T } | Extract<BatchCheckResult, { error: unknown }> {
  try {
    return { value: act() };
  } catch (error) {
    if (error instanceof UsherError) return { error: { code: error.code, message: error.message } };
    throw error;
  }
}

export async function expandTree(core: Core, request: ExpandRequest, call: Call): Promise<ExpandResponse> {
  requireFields(request, "the request");
  return withGround(core, request.consistency, call, async (ground, zookie) => {
    const object = validateObject(request.object);
    checkName(request.permission, "permission");
    memberOf(ground.schema, object.type, request.permission);
    return { zookie, tree: await expand(object, request.permission, request.deep ?? false, ground, call.signal) };
  });
}

/** Runs the body over one snapshot, the schema in force there, and one instant; nothing is read twice as "latest". */
export async function withGround<T>(core: Core, consistency: CheckRequest["consistency"], call: Call, body: (ground: CheckGround, zookie: string) => Promise<T>): Promise<T> {
  throwIfEnded(call);
  const tenant = core.tenant(call);
  const snapshot = await core.snapshotOf(tenant, consistency);
  try {
    const version = await core.schemas.at(snapshot, tenant);
    const ground = groundOn(core, tenant, snapshot, version, consistency);
    const answer = await body(ground, core.zookie(tenant, snapshot.revision));
    core.requireTenant(tenant);
    return answer;
  } finally {
    snapshot.release();
  }
}

function groundOn({ store, observer, cache, recordings }: Core, tenant: TenantId, snapshot: Snapshot, { schema, revision }: SchemaVersion, consistency: CheckRequest["consistency"]): CheckGround {
  const now: Instant = consistency?.kind === "asOf" ? consistency.instant : Math.max(store.clock.now(), snapshot.instant);
  const atHead = consistency?.kind !== "exact" && consistency?.kind !== "asOf";
  return { schema, schemaRevision: revision, snapshot, tenant, now, observer, cache, atHead, newest: () => store.snapshot(), tellsGrounds: recordings !== undefined };
}

/** @throws the error of an undecided answer: it denies */
function decisionOf(answer: Answer | undefined, question: Question, now: Instant, zookie: string): Decision {
  if (answer === undefined || answer.value === "pending") throw new UsherError("internal", "the check was not evaluated");
  if (answer.value === "undecided") throw answer.error ?? new UsherError("internal", `the check on ${quote(question.permission)} is undecided`);
  const decision = { allowed: answer.value === "allowed", missingFields: answer.missing, zookie, instant: now };
  if (!Number.isFinite(answer.until) && !question.explain) return decision;
  return {
    ...decision,
    ...(Number.isFinite(answer.until) ? { validForMs: answer.until - now } : {}),
    ...(question.explain ? { explanation: explain(answer) } : {}),
  };
}
