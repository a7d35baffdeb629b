import { throwIfAborted } from "../base/abort.js";
import type { Call, CreateTenantRequest, DeleteTenantRequest, ListTenantsResponse, SetTenantQuotasRequest } from "../model/service.js";
import type { Tenant } from "../model/tenant.js";
import type { LiveDecisions } from "../decisions/live-decisions.js";
import type { Watches } from "../watch/watches.js";
import type { Core } from "./core.js";

export async function createTenant(core: Core, { name, quotas = {} }: CreateTenantRequest, call: Call): Promise<Tenant> {
  throwIfAborted(call.signal);
  const tenant = await core.store.createTenant(name, quotas);
  await core.recordings?.tenant("created", name, { ...quotas }, call);
  return tenant;
}

export function listTenants(core: Core, call: Call): ListTenantsResponse {
  throwIfAborted(call.signal);
  return { tenants: core.store.listTenants() };
}

/** The tenant's watches, which wait for nothing that will come, are ended before the answer. */
export async function deleteTenant(core: Core, { watches, live }: { readonly watches: Watches; readonly live: LiveDecisions }, { name }: DeleteTenantRequest, call: Call): Promise<object> {
  throwIfAborted(call.signal);
  const tenant = core.store.tenant(name);
  await core.store.deleteTenant(name);
  watches.wake(tenant);
  live.endTenant(tenant);
  core.forget(tenant);
  await core.recordings?.tenant("deleted", name, undefined, call);
  return {};
}

export async function setTenantQuotas(core: Core, { name, quotas = {} }: SetTenantQuotasRequest, call: Call): Promise<Tenant> {
  throwIfAborted(call.signal);
  const tenant = await core.store.setTenantQuotas(name, quotas);
  await core.recordings?.tenant("quotas", name, { ...quotas }, call);
  return tenant;
}
