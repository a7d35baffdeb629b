import { throwIfAborted } from "../base/abort.js";
import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { checkName, object, quote } from "../model/object.js";
import type { BatchCheckRequest, BatchCheckResponse, BatchCheckResult, Call, CheckRequest, Decision, ExpandRequest, ExpandResponse } from "../model/service.js";
import type { Answer } from "../evaluation/answer.js";
import { evaluate, type Ground, type Question } from "../evaluation/evaluate.js";
import { expand } from "../evaluation/expand.js";
import { explain } from "../evaluation/trace.js";
import type { Core } from "./core.js";
import { checkCount, memberOf, validateQuestion } from "./validate.js";

export async function check(core: Core, request: CheckRequest, call: Call): Promise<Decision> {
  return withGround(core, request.consistency, call, async (ground, zookie) => {
    validateQuestion(request, ground.schema);
    const [answer] = await evaluate([request], ground, call.signal);
    return decisionOf(answer, request, ground, zookie);
  });
}

/** All items at one snapshot; what one finds out serves the others. An item that is wrong or undecided is an error of its own. */
export async function batchCheck(core: Core, request: BatchCheckRequest, call: Call): Promise<BatchCheckResponse> {
  checkCount(request.items.length, limits.batchItemsMax, "items");
  return withGround(core, request.consistency, call, async (ground, zookie) => {
    const results: BatchCheckResult[] = request.items.map((item) => attempt(() => validateQuestion(item, ground.schema)) ?? unanswered);
    const asked = request.items.flatMap((item, index) => (results[index] === unanswered ? [{ item, index }] : []));
    const answers = await evaluate(asked.map(({ item }) => item), ground, call.signal);
    asked.forEach(({ item, index }, i) => {
      let decision: Decision | undefined;
      const failure = attempt(() => { decision = decisionOf(answers[i], item, ground, zookie); });
      results[index] = decision === undefined ? (failure ?? unanswered) : { decision };
    });
    return { zookie, results };
  });
}

const unanswered: BatchCheckResult = { error: { code: "internal", message: "the item was not evaluated" } };

/** The error of an item, where it has one; what is not the item's own fault is thrown on. */
function attempt(act: () => void): BatchCheckResult | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof UsherError) return { error: { code: error.code, message: error.message } };
    throw error;
  }
}

export async function expandTree(core: Core, request: ExpandRequest, call: Call): Promise<ExpandResponse> {
  return withGround(core, request.consistency, call, async (ground, zookie) => {
    object(request.object.type, request.object.id);
    checkName(request.permission, "permission");
    memberOf(ground.schema, request.object.type, request.permission);
    return { zookie, tree: await expand(request.object, request.permission, request.deep ?? false, ground, call.signal) };
  });
}

/** Runs the body over one snapshot, the schema in force there, and one instant; nothing is read twice as "latest". */
async function withGround<T>(core: Core, consistency: CheckRequest["consistency"], call: Call, body: (ground: Ground, zookie: string) => Promise<T>): Promise<T> {
  throwIfAborted(call.signal);
  const tenant = core.tenant(call);
  const snapshot = core.snapshot(tenant, consistency);
  try {
    const { schema } = await core.schemas.at(snapshot, tenant);
    const now: Instant = Math.max(core.store.clock.now(), snapshot.instant);
    const answer = await body({ schema, snapshot, tenant, now, observer: core.observer }, core.zookie(tenant, snapshot.revision));
    core.requireTenant(tenant);
    return answer;
  } finally {
    snapshot.release();
  }
}

/** @throws the error of an undecided answer, with the explanation's place lost: it denies */
function decisionOf(answer: Answer | undefined, question: Question, ground: Ground, zookie: string): Decision {
  if (answer === undefined || answer.value === "pending") throw new UsherError("internal", "the check was not evaluated");
  if (answer.value === "undecided") throw answer.error ?? new UsherError("internal", `the check on ${quote(question.permission)} is undecided`);
  return {
    allowed: answer.value === "allowed",
    missingFields: answer.missing,
    zookie,
    instant: ground.now,
    ...(Number.isFinite(answer.until) ? { validForMs: answer.until - ground.now } : {}),
    ...(question.explain ? { explanation: explain(answer) } : {}),
  };
}
