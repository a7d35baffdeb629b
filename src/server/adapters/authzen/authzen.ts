import { UsherError } from "../../../base/errors.js";
import type { BatchCheckItem, BatchCheckResult, Service } from "../../../model/service.js";
import type { HttpAdapter, HttpRequest, HttpRoutes } from "../../http/adapter.js";
import { failureAnswer } from "../../http/failures.js";
import { answerOf } from "../../telemetry/observer.js";
import { denialOf } from "../denials.js";
import { checkOf } from "./asked.js";
import { evaluate, evaluateOne, readEvaluations, type Answered, type Evaluations } from "./evaluations.js";
import type { AuthzenMapping } from "./mapping.js";
import { outcomeOfError, type Outcome } from "./outcome.js";
import { invalid, readObject, readQuestion, type Json } from "./question.js";
import { readSearch, searchActions, searchResources, searchSubjects } from "./search.js";

const paths = {
  access_evaluation_endpoint: "/access/v1/evaluation",
  access_evaluations_endpoint: "/access/v1/evaluations",
  search_subject_endpoint: "/access/v1/search/subject",
  search_resource_endpoint: "/access/v1/search/resource",
  search_action_endpoint: "/access/v1/search/action",
} as const;

/** AuthZEN 1.0 over HTTP: a subject is a subject, a resource an object, an action a permission. */
export function authzenAdapter(service: Service, mapping: AuthzenMapping): HttpAdapter {
  return {
    register(routes) {
      addEvaluations(routes, service, mapping);
      addSearches(routes, service, mapping);
      routes.open({ url: "/.well-known/authzen-configuration", answer: () => ({ body: configurationOf(routes.url) }) });
    },
    // It knows no other for a request that cannot be read.
    failure: (error, status) => failureAnswer(error, status === 415 ? 400 : status),
  };
}

function addEvaluations(routes: HttpRoutes, service: Service, mapping: AuthzenMapping): void {
  const answered: Answered = (result) => routes.observer.onDecision(answerOfResult(result));
  const one = async (item: BatchCheckItem | UsherError, call: Parameters<Service["check"]>[1]): Promise<Outcome> =>
    item instanceof UsherError ? outcomeOfError(item) : evaluateOne(service, item, call, answered);
  routes.answer({
    method: "POST",
    url: paths.access_evaluation_endpoint,
    role: "read",
    callClass: "check",
    read: (request) => readOne(bodyOf(request), mapping),
    answer: async (item, call) => ({ body: await one(item, call) }),
  });
  routes.answer({
    method: "POST",
    url: paths.access_evaluations_endpoint,
    role: "read",
    callClass: "read",
    read: (request) => readSeveral(bodyOf(request), mapping),
    answer: async (asked, call) => ({ body: "items" in asked ? { evaluations: await evaluate(service, asked, call, answered) } : await one(asked, call) }),
  });
}

function addSearches(routes: HttpRoutes, service: Service, mapping: AuthzenMapping): void {
  const kinds = [
    { url: paths.search_subject_endpoint, sought: "subject", callClass: "read", search: searchSubjects },
    { url: paths.search_resource_endpoint, sought: "resource", callClass: "read", search: searchResources },
    { url: paths.search_action_endpoint, sought: "action", callClass: "check", search: searchActions },
  ] as const;
  for (const { url, sought, callClass, search } of kinds) {
    routes.answer({
      method: "POST",
      url,
      role: "read",
      callClass,
      read: ({ body }) => readSearch(body, sought),
      answer: async (asked, call) => ({ body: await search(service, asked, mapping, call) }),
    });
  }
}

/** A question about what no schema has is answered, not refused. @throws `invalid_request` */
function readOne(body: Json, mapping: AuthzenMapping): BatchCheckItem | UsherError {
  const question = readQuestion(body);
  try {
    return checkOf(question, mapping);
  } catch (thrown) {
    return denialOf(thrown);
  }
}

/** Without a list it is one question. @throws `invalid_request`, `request_too_large` */
function readSeveral(body: Json, mapping: AuthzenMapping): Evaluations | BatchCheckItem | UsherError {
  const { evaluations = [] } = body;
  if (!Array.isArray(evaluations)) throw invalid("evaluations", "must be a list");
  return evaluations.length === 0 ? readOne(body, mapping) : readEvaluations(body, evaluations, mapping);
}

function bodyOf({ body }: HttpRequest): Json {
  return readObject(body, "body");
}

function answerOfResult(result: BatchCheckResult) {
  return "decision" in result ? answerOf(result.decision) : "error";
}

/** The standard asks for `https`; where something else ends TLS, `httpUrl` says what others see. */
function configurationOf(url: string): object {
  return { policy_decision_point: url, ...Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, `${url}${path}`])) };
}
