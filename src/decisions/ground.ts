import type { HeadGround } from "../evaluation/evaluate.js";
import type { Schema } from "../model/schema/schema.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import type { LivePort } from "./port.js";

/** The ground of an evaluation at head. @param snapshot the newest, released by whoever took it */
export function groundAtHead({ store, cache, observer, recorder }: LivePort, snapshot: Snapshot, tenant: TenantId, { schema, revision }: { readonly schema: Schema; readonly revision: Revision }): HeadGround {
  return { schema, schemaRevision: revision, snapshot, tenant, now: Math.max(store.clock.now(), snapshot.instant), observer, cache, newest: () => store.snapshot(), tellsGrounds: recorder !== undefined };
}
