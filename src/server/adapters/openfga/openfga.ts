import type { Call, Service } from "../../../model/service.js";
import type { CallClass } from "../../admission.js";
import type { HttpAdapter, HttpAnswer, HttpRequest, HttpRoutes } from "../../http/adapter.js";
import { bodies, pageSize, readBody, type Asked } from "./bodies.js";
import { readChanges, type ChangesRequest } from "./changes.js";
import { batchCheck, check, type Tell } from "./checks.js";
import { expand } from "./expand.js";
import { failureAnswer } from "./failures.js";
import { listObjects, listUsers, objectsOf } from "./lists.js";
import { readModel, type AuthorizationModel } from "./model.js";
import { createStore, getStore, listModels, listStores, readModelById, writeModel } from "./models.js";
import { modelOf, Stores } from "./store.js";
import { storeCall } from "./store-call.js";
import { read, write } from "./tuples.js";

/** OpenFGA's HTTP API: a store is a tenant, a model its schema. */
export function openfgaAdapter(service: Service): HttpAdapter {
  const stores = new Stores(service);
  return {
    register(routes) {
      addStores(routes, service, stores);
      addModels(routes, service, stores);
      addQuestions(routes, service, stores);
      addTuples(routes, service, stores);
    },
    failure: failureAnswer,
  };
}

interface OfStore {
  readonly store: string;
}

const tokenOf = ({ query }: HttpRequest) => query.get("continuation_token") ?? "";
const storeOf = ({ parameters }: HttpRequest): string => parameters.store ?? "";

/** As the call of the store that the request names. */
function inStore<Request extends OfStore>(body: (request: Request, call: Call) => Promise<object>, status = 200) {
  return async (request: Request, call: Call): Promise<HttpAnswer> => ({ status, body: await body(request, storeCall(call, request.store)) });
}

function addStores(routes: HttpRoutes, service: Service, stores: Stores): void {
  routes.answer({
    method: "POST",
    url: "/stores",
    role: "admin",
    writes: true,
    callClass: "write",
    read: (request) => readBody("store", request),
    answer: async ({ name }, call) => ({ status: 201, body: await createStore(service, name, call) }),
  });
  routes.answer({
    method: "GET",
    url: "/stores",
    role: "admin",
    callClass: "read",
    read: (request) => ({ size: pageSize(request), token: tokenOf(request), name: request.query.get("name") ?? "" }),
    answer: async (page, call) => ({ body: await listStores(service, stores, page, call) }),
  });
  routes.answer({
    method: "GET",
    url: "/stores/:store",
    role: "read",
    callClass: "read",
    read: (request) => ({ store: storeOf(request) }),
    answer: inStore(({ store }, call) => getStore(service, stores, store, call)),
  });
  routes.answer({
    method: "DELETE",
    url: "/stores/:store",
    role: "admin",
    writes: true,
    callClass: "write",
    read: (request) => storeOf(request),
    answer: async (store, call) => {
      await stores.at(storeCall(call, store));
      await service.deleteTenant({ name: store }, call);
      return { status: 204, body: undefined };
    },
  });
}

function addModels(routes: HttpRoutes, service: Service, stores: Stores): void {
  const url = "/stores/:store/authorization-models";
  routes.answer({
    method: "POST",
    url,
    role: "schema",
    writes: true,
    callClass: "write",
    read: (request) => ({ store: storeOf(request), model: readModel(request.body) }),
    answer: inStore<OfStore & { readonly model: AuthorizationModel }>(({ model }, call) => writeModel(service, stores, model, call), 201),
  });
  routes.answer({
    method: "GET",
    url,
    role: "read",
    callClass: "read",
    read: (request) => ({ store: storeOf(request), size: pageSize(request), token: tokenOf(request) }),
    answer: inStore<OfStore & { readonly size: number; readonly token: string }>((page, call) => listModels(stores, page, call)),
  });
  routes.answer({
    method: "GET",
    url: `${url}/:model`,
    role: "read",
    callClass: "read",
    read: (request) => ({ store: storeOf(request), id: request.parameters.model ?? "" }),
    answer: inStore<OfStore & { readonly id: string }>(({ id }, call) => readModelById(stores, id, call)),
  });
}

type Question<Name extends keyof typeof bodies> = (service: Service, stores: Stores, asked: Asked<Name>, call: Call, tell: Tell) => Promise<object>;

function addQuestions(routes: HttpRoutes, service: Service, stores: Stores): void {
  const tell: Tell = (answer) => routes.observer.onDecision(answer);
  const add = <Name extends keyof typeof bodies>(path: string, name: Name, callClass: CallClass, ask: Question<Name>) =>
    routes.answer({
      method: "POST",
      url: `/stores/:store/${path}`,
      role: "read",
      callClass,
      read: (request) => readBody(name, request),
      answer: inStore<Asked<Name>>((asked, call) => ask(service, stores, asked, call, tell)),
    });
  add("check", "check", "check", check);
  add("batch-check", "batchCheck", "read", batchCheck);
  add("expand", "expand", "read", expand);
  add("list-objects", "listObjects", "read", listObjects);
  add("list-users", "listUsers", "read", listUsers);
  add("read", "read", "read", read);
  routes.stream({
    method: "POST",
    url: "/stores/:store/streamed-list-objects",
    role: "read",
    callClass: "read",
    contentType: "application/json",
    read: (request) => readBody("listObjects", request),
    stream: (asked, call) => streamed(service, stores, asked, storeCall(call, asked.store)),
    ending: (error) => `${JSON.stringify({ error: { message: error.message } })}\n`,
  });
}

async function* streamed(service: Service, stores: Stores, asked: Asked<"listObjects">, call: Call): AsyncIterable<string> {
  const model = modelOf(await stores.at(call), asked.authorization_model_id);
  for await (const object of objectsOf(service, asked, model, call)) yield `${JSON.stringify({ result: { object } })}\n`;
}

function addTuples(routes: HttpRoutes, service: Service, stores: Stores): void {
  routes.answer({
    method: "POST",
    url: "/stores/:store/write",
    role: "write",
    writes: true,
    callClass: ({ writes }: Asked<"write">) => ((writes?.tuple_keys.length ?? 0) === 0 ? "revocation" : "write"),
    read: (request) => readBody("write", request),
    answer: inStore<Asked<"write">>((asked, call) => write(service, stores, asked, call)),
  });
  routes.answer({
    method: "GET",
    url: "/stores/:store/changes",
    role: "read",
    callClass: "read",
    read: (request): ChangesRequest => ({ store: storeOf(request), type: request.query.get("type") ?? "", size: pageSize(request), token: tokenOf(request) }),
    answer: inStore<ChangesRequest>(async (request, call) => {
      await stores.at(call);
      return readChanges(service, request, call);
    }),
  });
}
