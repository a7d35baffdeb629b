import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { decodeZookie, type Revision, type TenantId, type ZookieParts } from "../model/zookie.js";
import type { Ancestor, Store, StoreIdentity } from "./store.js";

/** A timeline with those that it has come from. */
export interface Lineage extends StoreIdentity {
  readonly ancestors: readonly Ancestor[];
}

/**
 * The revision that a client's zookie means in this store. Whether the store still keeps that revision
 * is another question, which `snapshot` and `log` answer.
 * @throws `invalid_zookie`, `zookie_of_other_store`, `zookie_of_other_tenant`, `zookie_of_lost_timeline`, `zookie_ahead`
 */
export function resolveZookie(store: Store, tenant: TenantId, token: string): Revision {
  const parts = decodeZookie(token);
  requireStore(store, parts, token);
  if (parts.tenant !== tenant) {
    throw new UsherError("zookie_of_other_tenant", `zookie ${quote(token)} is of another tenant: use it with that tenant, or none`);
  }
  return resolveParts(store, parts, token);
}

/** The same for what is about all tenants: a zookie of any of them will do. */
export function resolveStoreZookie(store: Store, token: string): Revision {
  const parts = decodeZookie(token);
  requireStore(store, parts, token);
  return resolveParts(store, parts, token);
}

/**
 * Whether what a timeline has at a revision is what this one has there (SEMANTICS 14). By example, with ancestors
 * `[{ timeline: "aaaaaaaa", fork: 100 }]`, revision 100 of `aaaaaaaa` is, and its revision 101 is not: that one was lost.
 */
export function sharesRevision({ timeline, ancestors }: Omit<Lineage, "store">, of: string, revision: Revision): boolean {
  if (of === timeline) return true;
  const at = ancestors.findIndex((ancestor) => ancestor.timeline === of);
  return at >= 0 && ancestors.slice(at).every(({ fork }) => revision <= fork);
}

function requireStore({ identity }: Store, parts: ZookieParts, token: string): void {
  if (parts.store === identity.store) return;
  throw new UsherError("zookie_of_other_store", `zookie ${quote(token)} is of another store: use it where it was given, or none`);
}

function resolveParts(store: Store, { timeline, revision }: ZookieParts, token: string): Revision {
  const shown = `zookie ${quote(token)}`;
  if (!sharesRevision({ timeline: store.identity.timeline, ancestors: store.ancestors }, timeline, revision)) {
    throw new UsherError("zookie_of_lost_timeline", `${shown} is of a timeline that a restore ended: read again, and keep the new zookie`);
  }
  if (revision > store.head.revision) {
    throw new UsherError("zookie_ahead", `${shown} is ahead of this store, which lost or has not yet seen its commit: read again, and keep the new zookie`);
  }
  return revision;
}
