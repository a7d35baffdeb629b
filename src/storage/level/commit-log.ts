import type { Instant } from "../../base/clock.js";
import type { Revision, TenantId } from "../../model/zookie.js";
import type { Commit } from "../store.js";
import { asStoreError } from "./failure.js";
import type { Pin } from "./handle.js";
import { logKey, parseTenantLogKey, tenantLogKey } from "./keys.js";
import { decodeRecord } from "./record.js";
import { corrupt } from "./state.js";

/** When a revision was committed; on the event loop, for what cannot wait for a promise. */
export function instantOf(pin: Pin, revision: Revision): Instant {
  try {
    const key = logKey(revision);
    return decodeRecord(revision, key, pin.handle.raw.getSync(key, pin.snapshot) ?? Buffer.alloc(0)).commit.instant;
  } catch (error) {
    throw asStoreError(error, "read a commit");
  }
}

/** The tenant's, at most so many. */
export async function revisionsAfter(pin: Pin, tenant: TenantId, after: Revision, limit: number): Promise<Revision[]> {
  const revisions: Revision[] = [];
  const iterator = pin.handle.raw.iterate({ gt: tenantLogKey(tenant, after), lte: tenantLogKey(tenant, pin.revision), snapshot: pin.snapshot });
  try {
    while (revisions.length < limit) {
      const entries = await iterator.next(limit - revisions.length);
      if (entries.length === 0) break;
      revisions.push(...entries.map(([key]) => parseTenantLogKey(key)));
    }
    return revisions;
  } finally {
    await iterator.close();
  }
}

/** @throws `store_corrupt` where one is missing */
export async function readCommits(pin: Pin, revisions: readonly Revision[]): Promise<Commit[]> {
  const keys = revisions.map(logKey);
  const values = await pin.handle.raw.getMany(keys, pin.snapshot);
  return revisions.map((revision, i) => {
    const [key, value] = [keys[i], values[i]];
    if (key === undefined || value === undefined) throw corrupt(`revision ${revision} is missing from its log`);
    return decodeRecord(revision, key, value).commit;
  });
}
