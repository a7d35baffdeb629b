import type { Instant } from "../base/clock.js";
import { UsherError, type ErrorCode } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { evaluate, type Ground } from "../evaluation/evaluate.js";
import { OverlaidSnapshot } from "../evaluation/overlaid-snapshot.js";
import type { HeldAnswer } from "../model/live.js";
import type { PreviewCheck, PreviewedChange } from "../model/preview.js";
import { compileSchema } from "../model/schema/compile.js";
import type { Schema } from "../model/schema/schema.js";
import { checkTuple } from "../model/schema/shape.js";
import type { Operation } from "../model/service.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import { questionOf } from "./ground.js";
import { isRevocation, type LiveDecision } from "./live-decision.js";
import type { LivePort } from "./port.js";
import { nameOf, type TenantDecisions } from "./tenant-decisions.js";

/** A write that could be made and is not, and the questions of a list. */
export interface Proposal {
  /** Empty where a schema is proposed. */
  readonly operations: readonly Operation[];
  readonly schema?: Schema;
  readonly checks: readonly PreviewCheck[];
  /** How many changes are listed. */
  readonly limit: number;
}

export interface Preview {
  readonly revision: Revision;
  readonly instant: Instant;
  readonly changes: readonly PreviewedChange[];
  readonly evaluated: number;
  readonly more: boolean;
}

/** What is held of a tenant. */
interface Held {
  /** Undefined: nothing is. */
  readonly decisions: TenantDecisions | undefined;
  /** Evaluations that a commit made necessary have not all been done: what the decisions rest on may be out of date. */
  readonly due: boolean;
}

interface Outcome {
  readonly value: HeldAnswer;
  readonly error?: ErrorCode;
}

type Asked = PreviewCheck & { readonly holds: number };

/**
 * Answers each question twice, on the newest snapshot as it stands and with the write laid over it, at one instant and from the store. The decisions that the
 * write concerns are found in the tick in which the snapshot is taken, so that what they rest on is what they rest on there.
 * @throws what a check of the list is refused with under either schema
 */
export async function preview(port: LivePort, tenant: TenantId, held: Held, proposal: Proposal, signal?: AbortSignal): Promise<Preview> {
  const { store } = port;
  const snapshot = store.snapshot();
  try {
    const { asked, more } = questionsOf(held, proposal);
    const instant = Math.max(store.clock.now(), snapshot.instant);
    const schema = await schemaBefore(port, snapshot, tenant, proposal);
    for (const { kind, tuple } of proposal.operations) checkTuple(schema, tuple, kind === "delete" ? "delete" : "write");
    const before: Ground = { schema, snapshot, tenant, now: instant };
    const after: Ground = { schema: proposal.schema ?? schema, snapshot: new OverlaidSnapshot(snapshot, tenant, proposal.operations), tenant, now: instant };
    for (const check of proposal.checks) requireAsked(port, check, before.schema, after.schema);
    const changes: PreviewedChange[] = [];
    for (let from = 0; from < asked.length; from += limits.liveChunkMax) {
      const chunk = asked.slice(from, from + limits.liveChunkMax);
      const was = await outcomes(port, chunk, before, signal);
      const would = await outcomes(port, chunk, after, signal);
      chunk.forEach((one, i) => changes.push(...changeOf(one, was[i] as Outcome, would[i] as Outcome)));
      await new Promise(setImmediate);
    }
    changes.sort(byLoss);
    return { revision: snapshot.revision, instant, changes: changes.slice(0, proposal.limit), evaluated: asked.length, more: more || changes.length > proposal.limit };
  } finally {
    snapshot.release();
  }
}

/** A first schema takes the place of one that knows nothing. */
async function schemaBefore(port: LivePort, snapshot: Snapshot, tenant: TenantId, proposal: Proposal): Promise<Schema> {
  try {
    return (await port.schemaAt(snapshot, tenant)).schema;
  } catch (error) {
    if (proposal.schema !== undefined && error instanceof UsherError && error.code === "schema_missing") return compileSchema("");
    throw error;
  }
}

/** The list first, then what is held, first that of which something can be taken away; each question once. */
function questionsOf({ decisions, due }: Held, { operations, schema, checks }: Proposal): { readonly asked: readonly Asked[]; readonly more: boolean } {
  const asked = new Map<string, Asked>();
  for (const check of checks) {
    const name = nameOf(check);
    if (!asked.has(name)) asked.set(name, { ...check, holds: decisions?.named(name)?.holds.size ?? 0 });
  }
  if (decisions === undefined) return { asked: [...asked.values()], more: false };
  const concerned = new Set<LiveDecision>(schema === undefined ? [] : decisions.all);
  decisions.index.concerned(operations.map(({ tuple }) => tuple), (decision) => concerned.add(decision));
  if (due) for (const decision of decisions.all) if (decision.due) concerned.add(decision);
  const urgent: LiveDecision[] = [];
  const others: LiveDecision[] = [];
  for (const decision of concerned) {
    if (decision.holds.size === 0 || asked.has(decision.name)) continue;
    (decision.standing?.value === "denied" ? others : urgent).push(decision);
  }
  const looked = [...urgent, ...others].slice(0, limits.previewDecisionsMax);
  for (const decision of looked) asked.set(decision.name, { ...decision.asked, holds: decision.holds.size });
  return { asked: [...asked.values()], more: urgent.length + others.length > looked.length };
}

/** A check of the list that only one of two schemas knows is denied by the other. @throws what both refuse it with */
function requireAsked(port: LivePort, check: PreviewCheck, before: Schema, after: Schema): void {
  if (questionOf(port, check, before) instanceof UsherError && (before === after || questionOf(port, check, after) instanceof UsherError)) port.validate(check, before);
}

async function outcomes(port: LivePort, asked: readonly Asked[], ground: Ground, signal: AbortSignal | undefined): Promise<Outcome[]> {
  const questions = asked.map((one) => questionOf(port, one, ground.schema));
  const valid = questions.flatMap((question) => (question instanceof UsherError ? [] : [question]));
  const answers = await evaluate(valid, ground, signal);
  const found: Outcome[] = [];
  let answered = 0;
  for (const question of questions) {
    if (question instanceof UsherError) {
      found.push({ value: "denied", error: question.code });
      continue;
    }
    let answer = answers[answered++];
    // What was too much for all of them together need not be so for each.
    if (answer?.error?.code === "evaluation_too_large" && valid.length > 1) [answer] = await evaluate([question], ground, signal);
    if (answer === undefined || answer.value === "pending") throw new UsherError("internal", "a previewed decision was not evaluated");
    found.push(answer.value === "undecided" ? { value: "denied", error: answer.error?.code ?? "internal" } : { value: answer.value });
  }
  return found;
}

function changeOf({ object, permission, subject, context, holds }: Asked, before: Outcome, after: Outcome): PreviewedChange[] {
  if (before.value === after.value) return [];
  return [
    {
      object,
      permission,
      subject,
      ...(context && { context }),
      before: before.value,
      after: after.value,
      ...(before.error && { beforeError: before.error }),
      ...(after.error && { afterError: after.error }),
      holds,
    },
  ];
}

function byLoss(a: PreviewedChange, b: PreviewedChange): number {
  const losses = Number(isRevocation(b.before, b.after)) - Number(isRevocation(a.before, a.after));
  return losses || b.holds - a.holds;
}
