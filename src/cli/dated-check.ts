import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { defaultTenant } from "../database/core.js";
import { validateQuestion } from "../database/validate.js";
import { evaluate } from "../evaluation/evaluate.js";
import { explain } from "../evaluation/trace.js";
import { CelValueError } from "../model/conditions/cel-error.js";
import { Timestamp } from "../model/conditions/timestamp.js";
import type { Context } from "../model/context.js";
import type { Schema } from "../model/schema/schema.js";
import type { Decision } from "../model/service.js";
import type { CheckText } from "../model/tuple-text.js";
import type { Store } from "../storage/store.js";

/**
 * The instant that a validation file's assertion speaks of: its context's `now`. A server fills `now` itself and takes it
 * from no caller; in a file it says when the check is made, so that expirations and conditions on time can be tested.
 */
export function instantOf(context: Context): Instant | undefined {
  const { now } = context;
  if (typeof now !== "string") return undefined;
  try {
    return Timestamp.parse(now).ms;
  } catch (error) {
    if (error instanceof CelValueError) return undefined;
    throw error;
  }
}

/** Answers a check over what the store holds now, as if it were another instant: an evaluation takes the instant as an argument. */
export async function checkAt(store: Store, schema: Schema, check: CheckText, now: Instant): Promise<Pick<Decision, "allowed" | "missingFields" | "explanation">> {
  validateQuestion(check, schema);
  const snapshot = store.snapshot();
  try {
    const [answer] = await evaluate([{ ...check, explain: true }], { schema, snapshot, tenant: store.tenant(defaultTenant), now });
    if (answer === undefined || answer.value === "undecided" || answer.value === "pending") {
      throw answer?.error ?? new UsherError("internal", "the check is undecided");
    }
    return { allowed: answer.value === "allowed", missingFields: answer.missing, explanation: explain(answer) };
  } finally {
    snapshot.release();
  }
}
