import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { decodeZookie, type Revision, type TenantId } from "../model/zookie.js";
import type { Store } from "./store.js";

/**
 * The revision that a client's zookie means in this store. Whether the store still keeps that revision
 * is another question, which `snapshot` and `log` answer.
 * @throws `invalid_zookie`, `zookie_of_other_store`, `zookie_of_other_tenant`, `zookie_of_lost_timeline`, `zookie_ahead`
 */
export function resolveZookie(store: Store, tenant: TenantId, token: string): Revision {
  const parts = decodeZookie(token);
  const shown = `zookie ${quote(token)}`;
  if (parts.store !== store.identity.store) {
    throw new UsherError("zookie_of_other_store", `${shown} is of another store: use it where it was given, or none`);
  }
  if (parts.tenant !== tenant) {
    throw new UsherError("zookie_of_other_tenant", `${shown} is of another tenant: use it with that tenant, or none`);
  }
  if (parts.timeline !== store.identity.timeline) {
    throw new UsherError("zookie_of_lost_timeline", `${shown} is of a timeline that a restore ended: read again, and keep the new zookie`);
  }
  if (parts.revision > store.head.revision) {
    throw new UsherError("zookie_ahead", `${shown} is ahead of this store, which lost or has not yet seen its commit: read again, and keep the new zookie`);
  }
  return parts.revision;
}
