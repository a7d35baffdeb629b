import type { Instant } from "../../base/clock.js";
import { quote } from "../../model/object.js";
import { tenantUnknown, type Quotas } from "../../model/tenant.js";
import type { TenantId } from "../../model/zookie.js";
import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { metaKey } from "./keys.js";
import { putTenant, tenantPrefix } from "./meta.js";
import type { RawOperation } from "./raw.js";
import { sealJson } from "./seal.js";

/** A tenant as the store has it. */
export interface StoredTenant {
  readonly id: TenantId;
  readonly name: string;
  readonly createdAt?: Instant;
  readonly quotas: Quotas;
}

/** What a tenant's row of details holds; a tenant that came with the store has none until it is given quotas. */
export type TenantDetails = Pick<StoredTenant, "createdAt" | "quotas">;

/**
 * Rows of the store itself, beside `tenant/acme`, which holds the number:
 *
 *     tenant-details/2   {"createdAt":1800000000000,"quotas":{"tuples":1000}}
 *     tenant-ended/2     0     deleted, while rows of it may be left
 *     tenant-next        3     the number that the next tenant is given: none is given twice
 */
export const detailsPrefix = "tenant-details/";
export const endedPrefix = "tenant-ended/";
export const nextName = "tenant-next";

/** The tenants of a store, in memory. A change is made here once its rows are durable. */
export class Tenants {
  readonly #byName = new Map<string, StoredTenant>();
  readonly #byId = new Map<TenantId, StoredTenant>();
  /** Deleted, with rows left perhaps. */
  readonly #ended: Set<TenantId>;
  #next: TenantId = 1;

  constructor(standing: readonly StoredTenant[], ended: readonly TenantId[], next: TenantId) {
    for (const tenant of standing) this.set(tenant);
    this.#ended = new Set(ended);
    // A store that never had a second tenant has no row that says so.
    this.#next = ended.reduce((above, id) => Math.max(above, id + 1), Math.max(this.#next, next));
  }

  /** The number that the next tenant is given. */
  get next(): TenantId {
    return this.#next;
  }

  get ended(): readonly TenantId[] {
    return [...this.#ended];
  }

  has(id: TenantId): boolean {
    return this.#byId.has(id);
  }

  /** @throws `tenant_unknown` */
  named(name: string): StoredTenant {
    const tenant = this.#byName.get(name);
    if (tenant === undefined) throw tenantUnknown(name);
    return tenant;
  }

  byId(id: TenantId): StoredTenant | undefined {
    return this.#byId.get(id);
  }

  quotasOf(name: string): Quotas | undefined {
    return this.#byName.get(name)?.quotas;
  }

  /** In the order of their names. */
  list(): StoredTenant[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws `tenant_exists`, `quota_exceeded` */
  checkNew(name: string): void {
    if (this.#byName.has(name)) throw new UsherError("tenant_exists", `tenant ${quote(name)} exists: choose another name, or delete it first`);
    if (this.#byName.size >= limits.tenantsMax) {
      throw new UsherError("quota_exceeded", `${limits.tenantsMax} tenants exist, as many as may be: delete one first`);
    }
  }

  /** A new tenant, or one with new quotas. */
  set(tenant: StoredTenant): void {
    this.#byName.set(tenant.name, tenant);
    this.#byId.set(tenant.id, tenant);
    this.#next = Math.max(this.#next, tenant.id + 1);
  }

  end({ id, name }: StoredTenant): void {
    this.#byName.delete(name);
    this.#byId.delete(id);
    this.#ended.add(id);
  }

  /** Nothing is left of it. */
  forget(id: TenantId): void {
    this.#ended.delete(id);
  }
}

export function creationRows({ id, name, createdAt, quotas }: StoredTenant): RawOperation[] {
  return [putTenant(name, id), putDetails(id, { ...(createdAt === undefined ? {} : { createdAt }), quotas }), put(nextName, id + 1)];
}

export function quotaRows({ id, createdAt, quotas }: StoredTenant): RawOperation[] {
  return [putDetails(id, { ...(createdAt === undefined ? {} : { createdAt }), quotas })];
}

/** @param next so that the number is not given again, even where it was the last one */
export function endRows({ id, name }: StoredTenant, next: TenantId): RawOperation[] {
  return [
    { type: "del", key: metaKey(tenantPrefix + name) },
    { type: "del", key: metaKey(`${detailsPrefix}${id}`) },
    putEnded(id),
    put(nextName, next),
  ];
}

export function putEnded(id: TenantId): RawOperation {
  return put(`${endedPrefix}${id}`, 0);
}

export function forgetRow(id: TenantId): RawOperation {
  return { type: "del", key: metaKey(`${endedPrefix}${id}`) };
}

function putDetails(id: TenantId, details: TenantDetails): RawOperation {
  return put(`${detailsPrefix}${id}`, details);
}

function put(name: string, value: unknown): RawOperation {
  const key = metaKey(name);
  return { type: "put", key, value: sealJson(key, value) };
}
