import { UsherError } from "../../base/errors.js";
import type { Consistency } from "../service.js";
import { required } from "./field.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";

export interface ConsistencyMessage {
  readonly latest?: boolean | null;
  readonly atLeast?: string | null;
  readonly exact?: string | null;
  readonly asOf?: TimestampMessage | null;
}

const requirements = ["latest", "atLeast", "exact", "asOf"] as const;

export function writeConsistency(consistency: Consistency | undefined): ConsistencyMessage | undefined {
  switch (consistency?.kind) {
    case undefined:
      return undefined;
    case "latest":
      return { latest: true };
    case "atLeast":
      return { atLeast: consistency.zookie };
    case "exact":
      return { exact: consistency.zookie };
    case "asOf":
      return { asOf: instantToTimestamp(consistency.instant) };
  }
}

/**
 * A message that sets none asks for the latest, as does no message. One that sets two, which no
 * conforming encoder writes, is refused: its reader could not say which was meant.
 * @throws `invalid_request`
 */
export function readConsistency(message: ConsistencyMessage | null | undefined): Consistency | undefined {
  if (message === null || message === undefined) return undefined;
  const sent = requirements.filter((requirement) => Object.hasOwn(message, requirement));
  const details = { field: "consistency" };
  if (sent.length > 1) throw new UsherError("invalid_request", "field `consistency` sets more than one requirement: give one", { details });
  if (message.latest === false && sent[0] === "latest") {
    throw new UsherError("invalid_request", "field `consistency.latest` is false: set it to true, or set another requirement", { details });
  }
  if (sent[0] === "atLeast") return { kind: "atLeast", zookie: message.atLeast ?? "" };
  if (sent[0] === "exact") return { kind: "exact", zookie: message.exact ?? "" };
  if (sent[0] === "asOf") return { kind: "asOf", instant: timestampToInstant(required(message.asOf, "consistency.as_of"), "consistency.as_of") };
  return sent[0] === "latest" ? { kind: "latest" } : undefined;
}
