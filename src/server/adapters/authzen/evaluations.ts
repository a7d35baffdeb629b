import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { quote } from "../../../model/object.js";
import type { BatchCheckItem, BatchCheckResult, Call, Decision, Service } from "../../../model/service.js";
import { denialOf } from "../denials.js";
import { checkOf } from "./asked.js";
import type { AuthzenMapping } from "./mapping.js";
import { outcomeOf, outcomeOfError, outcomeOfResult, type Outcome } from "./outcome.js";
import { invalid, readObject, readQuestion, type Json } from "./question.js";

/** Whether the rest is left out once one is denied, or once one is allowed. */
export type Semantic = "execute_all" | "deny_on_first_deny" | "permit_on_first_permit";

/** Several questions. One that cannot be read stands there as its error, and denies. */
export interface Evaluations {
  readonly semantic: Semantic;
  readonly items: readonly (BatchCheckItem | UsherError)[];
}

/** Told of each answer, for the figures. */
export type Answered = (result: BatchCheckResult) => void;

/** @throws `invalid_request`, `request_too_large`: what is wrong with all of it */
export function readEvaluations(body: Json, list: readonly unknown[], mapping: AuthzenMapping): Evaluations {
  if (list.length > limits.batchItemsMax) {
    throw new UsherError("request_too_large", `there are ${list.length} evaluations, more than ${limits.batchItemsMax}: ask for less at once`);
  }
  return { semantic: readSemantic(body), items: list.map((each, i) => readItem(body, each, i, mapping)) };
}

function readSemantic({ options }: Json): Semantic {
  const { evaluations_semantic: semantic = "execute_all" } = options === undefined ? {} : readObject(options, "options");
  if (semantic === "execute_all" || semantic === "deny_on_first_deny" || semantic === "permit_on_first_permit") return semantic;
  throw invalid("options.evaluations_semantic", `is ${quote(semantic)}: give \`execute_all\`, \`deny_on_first_deny\` or \`permit_on_first_permit\``);
}

function readItem(body: Json, item: unknown, i: number, mapping: AuthzenMapping): BatchCheckItem | UsherError {
  try {
    return checkOf(readQuestion(readObject(item, `evaluations[${i}]`), undefined, body), mapping);
  } catch (thrown) {
    if (thrown instanceof UsherError) return thrown;
    throw thrown;
  }
}

/** All of them at one snapshot; or one after the other, as many as it takes. */
export function evaluate(service: Service, { semantic, items }: Evaluations, call: Call, answered: Answered): Promise<Outcome[]> {
  if (semantic === "execute_all") return evaluateAll(service, items, call, answered);
  return evaluateUntil(service, items, semantic === "permit_on_first_permit", call, answered);
}

async function evaluateAll(service: Service, items: Evaluations["items"], call: Call, answered: Answered): Promise<Outcome[]> {
  const readable = items.flatMap((item) => (item instanceof UsherError ? [] : [item]));
  const { results } = readable.length === 0 ? { results: [] } : await service.batchCheck({ items: readable }, call);
  const answers = results[Symbol.iterator]();
  return items.map((item) => {
    if (item instanceof UsherError) return outcomeOfError(item);
    const { value } = answers.next();
    if (value === undefined) throw new UsherError("internal", "a batch has fewer answers than questions");
    answered(value);
    return outcomeOfResult(value);
  });
}

async function evaluateUntil(service: Service, items: Evaluations["items"], last: boolean, call: Call, answered: Answered): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const item of items) {
    const outcome = item instanceof UsherError ? outcomeOfError(item) : await evaluateOne(service, item, call, answered);
    outcomes.push(outcome);
    if (outcome.decision === last) break;
  }
  return outcomes;
}

/** @throws what is no answer */
export async function evaluateOne(service: Service, item: BatchCheckItem, call: Call, answered: Answered): Promise<Outcome> {
  let decision: Decision;
  try {
    decision = await service.check(item, call);
  } catch (thrown) {
    const denial = denialOf(thrown);
    answered({ error: denial });
    return outcomeOfError(denial);
  }
  answered({ decision });
  return outcomeOf(decision);
}
