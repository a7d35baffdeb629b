import type { Store } from "../../src/storage/store.js";

/** Generated writes are those of tenants 1 and 2, and a new store has the first alone. */
export async function withTwoTenants<Opened extends Store>(store: Opened): Promise<Opened> {
  if (!store.hasTenant(2)) await store.createTenant("second", {});
  return store;
}
