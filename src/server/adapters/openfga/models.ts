import { ulid } from "ulid";

import { UsherError } from "../../../base/errors.js";
import type { Call, Service } from "../../../model/service.js";
import { quote } from "../../../model/object.js";
import { convertModel, validateModel } from "./convert.js";
import { Refusal } from "./failures.js";
import type { AuthorizationModel } from "./model.js";
import { withRetired } from "./retired.js";
import { formatStore, keepModel, unpackModel, type KeptModel } from "./store-text.js";
import { callIn } from "./store-call.js";
import type { Stores } from "./store.js";

/** From then on it is the model that is asked. @throws `invalid_schema`, `schema_orphans_tuples` */
export async function writeModel(service: Service, stores: Stores, model: AuthorizationModel, call: Call): Promise<object> {
  validateModel(model);
  const native = convertModel(model);
  return stores.exclusively(call.tenant ?? "", () => putInForce(service, stores, model, native, call));
}

async function putInForce(service: Service, stores: Stores, model: AuthorizationModel, native: string, call: Call): Promise<object> {
  const { head, schema } = await stores.at(call);
  const holds = async (objectType: string, relation: string) => (await service.readTuples({ filter: { objectType, relation }, pageSize: 1 }, call)).tuples.length > 0;
  const id = ulid();
  const text = await withRetired(native, schema, holds);
  await service.writeSchema({ text: formatStore({ name: head.name, models: [...head.models, keepModel(id, model, native)] }, text) }, call);
  return { authorization_model_id: id };
}

/** The newest first. */
export async function listModels(stores: Stores, { size, token }: { readonly size: number; readonly token: string }, call: Call): Promise<object> {
  const { head } = await stores.at(call);
  const newest = [...head.models].reverse();
  const from = token === "" ? 0 : newest.findIndex(({ id }) => id === token);
  if (from < 0) throw new Refusal("invalid_continuation_token", "query parameter `continuation_token` is not of an answer");
  return { authorization_models: newest.slice(from, from + size).map(modelJson), continuation_token: newest[from + size]?.id ?? "" };
}

export async function readModelById(stores: Stores, id: string, call: Call): Promise<object> {
  const { head } = await stores.at(call);
  const kept = head.models.find((model) => model.id === id);
  if (kept === undefined) throw new Refusal("authorization_model_not_found", `authorization model ${quote(id)} not found`);
  return { authorization_model: modelJson(kept) };
}

function modelJson(kept: KeptModel): object {
  return { id: kept.id, ...unpackModel(kept) };
}

/** A store is a tenant; its name stands in its schema. @throws `quota_exceeded` */
export async function createStore(service: Service, name: string, call: Call): Promise<object> {
  const id = ulid();
  const { createdAt = 0 } = await service.createTenant({ name: id }, call);
  await service.writeSchema({ text: formatStore({ name, models: [] }, "") }, callIn(call, id));
  return storeJson(id, name, createdAt);
}

export async function getStore(service: Service, stores: Stores, id: string, call: Call): Promise<object> {
  const { head } = await stores.at(call);
  const { tenants } = await service.listTenants({}, call);
  return storeJson(id, head.name, tenants.find(({ name }) => name === id)?.createdAt ?? 0);
}

/** In the order of their ids, which is that of their making. */
export async function listStores(service: Service, stores: Stores, { size, token, name }: { readonly size: number; readonly token: string; readonly name: string }, call: Call): Promise<object> {
  const { tenants } = await service.listTenants({}, call);
  const listed: { readonly id: string }[] = [];
  for (const tenant of tenants) {
    if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(tenant.name) || tenant.name < token) continue;
    if (listed.length === size) return { stores: listed, continuation_token: tenant.name };
    const store = await storeIn(stores, callIn(call, tenant.name));
    if (store !== undefined && (name === "" || store === name)) listed.push(storeJson(tenant.name, store, tenant.createdAt ?? 0));
  }
  return { stores: listed, continuation_token: "" };
}

/** Its name; undefined: the tenant is no store, or is gone. */
async function storeIn(stores: Stores, call: Call): Promise<string | undefined> {
  try {
    return (await stores.at(call)).head.name;
  } catch (error) {
    if (error instanceof UsherError && error.code !== "internal") return undefined;
    throw error;
  }
}

function storeJson(id: string, name: string, createdAt: number) {
  const at = new Date(createdAt).toISOString();
  return { id, name, created_at: at, updated_at: at };
}
