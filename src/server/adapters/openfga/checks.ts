import { UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { quote } from "../../../model/object.js";
import type { BatchCheckItem, Call, Decision, Service } from "../../../model/service.js";
import type { Tuple } from "../../../model/tuple.js";
import { httpStatuses } from "../../http/http-statuses.js";
import { answerOf, type CheckAnswer } from "../../telemetry/observer.js";
import type { Asked, Body } from "./bodies.js";
import { Refusal, toldOf } from "./failures.js";
import { openfgaName } from "./names.js";
import { nativeContext, nativeObject, nativeSubject, nativeTuple, parseObject, parseUser, type TupleKey } from "./references.js";
import type { Model, Stores } from "./store.js";

type Answer = Pick<Decision, "allowed" | "missingFields">;
type Check = Pick<Body<"check">, "tuple_key" | "context" | "contextual_tuples">;

/** Told of each answer, for the figures. */
export type Tell = (answer: CheckAnswer) => void;

export async function check(service: Service, stores: Stores, asked: Asked<"check">, call: Call, tell: Tell): Promise<object> {
  return stores.answer(call, asked.authorization_model_id, async (model) => ({ allowed: await allowed(service, questionOf(asked, model), call, tell), resolution: "" }));
}

/** Each is answered for itself; those that are wrong, with what is wrong in them. */
export async function batchCheck(service: Service, stores: Stores, asked: Asked<"batchCheck">, call: Call, tell: Tell): Promise<object> {
  const ids = new Set(asked.checks.map(({ correlation_id: id }) => id));
  if (ids.size < asked.checks.length) throw new Refusal("validation_error", "two checks have the same `correlation_id`: give each its own");
  return stores.answer(call, asked.authorization_model_id, async (model) => {
    const result: Record<string, object> = {};
    for (const item of asked.checks) result[item.correlation_id] = await itemOf(async () => allowed(service, questionOf(item, model), call, tell));
    return { result };
  });
}

async function itemOf(ask: () => Promise<boolean>): Promise<object> {
  try {
    return { allowed: await ask() };
  } catch (error) {
    if (!(error instanceof UsherError) || error.code === "internal") throw error;
    const [code, status] = toldOf(error, httpStatuses[error.code]);
    return { error: { [status >= 500 ? "internal_error" : "input_error"]: code, message: error.message } };
  }
}

/** @throws `validation_error`, `invalid_tuple` */
function questionOf({ tuple_key: key, context, contextual_tuples: tuples }: Check, model: Model): BatchCheckItem {
  const [about, who] = [parseObject(key.object), parseUser(key.user)];
  const permission = model.permission(about.type, key.relation);
  model.requireUser(who);
  return { object: nativeObject(about), permission, subject: nativeSubject(who), context: nativeContext(context), ...contextualOf(tuples, model) };
}

/** @throws `invalid_tuple` */
export function contextualOf(keys: readonly TupleKey[], model: Model): { readonly contextualTuples?: readonly Tuple[] } {
  if (keys.length === 0) return {};
  if (keys.length > limits.openfgaTuplesMax) throw new Refusal("exceeded_entity_limit", `there are ${keys.length} contextual tuples: at most ${limits.openfgaTuplesMax} are taken`);
  for (const key of keys) model.requireTuple(key, "invalid_tuple");
  return { contextualTuples: keys.map(nativeTuple) };
}

async function allowed(service: Service, item: BatchCheckItem, call: Call, tell: Tell): Promise<boolean> {
  let answer: CheckAnswer = "error";
  try {
    const decision = item.subject.id === "*" ? await everybody(service, item, call) : await service.check(item, call);
    answer = answerOf(decision);
    return answered(decision);
  } finally {
    tell(answer);
  }
}

/** A wildcard is asked about as OpenFGA has it: whether one is let in as such. */
async function everybody(service: Service, { object, permission, subject, context, contextualTuples }: BatchCheckItem, call: Call): Promise<Answer> {
  const request = { object, permission, subjectType: subject.type, pageSize: 1, ...(context && { context }), ...(contextualTuples && { contextualTuples }) };
  const { results } = await service.lookupSubjects(request, call);
  return results.find((result) => result.subject.id === "*") ?? { allowed: false, missingFields: [] };
}

/** OpenFGA knows no third answer: what lacks a parameter is an error. @throws `validation_error` */
export function answered({ allowed: yes, missingFields }: Answer): boolean {
  if (yes || missingFields.length === 0) return yes;
  throw new Refusal("validation_error", `failed to evaluate a relationship condition: context parameters ${missingFields.map((field) => quote(openfgaName(field))).join(", ")} are missing`);
}
