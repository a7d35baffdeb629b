import { UsherError } from "../base/errors.js";
import type { HeadGround, Question } from "../evaluation/evaluate.js";
import type { Schema } from "../model/schema/schema.js";
import type { Revision, TenantId } from "../model/zookie.js";
import type { Snapshot } from "../storage/store.js";
import type { Asked } from "./live-decision.js";
import type { LivePort } from "./port.js";

/** The ground of an evaluation at head. @param snapshot the newest, released by whoever took it */
export function groundAtHead({ store, cache, observer, recorder }: LivePort, snapshot: Snapshot, tenant: TenantId, { schema, revision }: { readonly schema: Schema; readonly revision: Revision }): HeadGround {
  return { schema, schemaRevision: revision, snapshot, tenant, now: Math.max(store.clock.now(), snapshot.instant), observer, cache, newest: () => store.snapshot(), tellsGrounds: recorder !== undefined };
}

/** What is asked, or why it cannot be under the schema: then it is denied. */
export function questionOf(port: LivePort, { object, permission, subject, context }: Asked, schema: Schema): Question | UsherError {
  try {
    return port.validate({ object, permission, subject, ...(context && { context }) }, schema);
  } catch (error) {
    if (error instanceof UsherError) return error;
    throw error;
  }
}
