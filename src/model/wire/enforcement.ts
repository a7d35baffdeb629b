import type { Enforcement } from "../live.js";
import { uint32 } from "./field.js";

/** What every write may be told to wait for. */
export interface AwaitedMessage {
  readonly awaitEnforcementMs?: number | null | undefined;
}

export function writeAwaited({ awaitEnforcementMs }: { readonly awaitEnforcementMs?: number }): AwaitedMessage {
  return awaitEnforcementMs === undefined ? {} : { awaitEnforcementMs: uint32(awaitEnforcementMs, "await_enforcement_ms") };
}

/** What an answer says of it, with the decoder's class taken off; nothing where it was not awaited. */
export function readEnforcement({ enforcement }: { readonly enforcement?: Enforcement | null }): { readonly enforcement?: Enforcement } {
  if (!enforcement) return {};
  const { affected, acknowledged, lapsed, pending } = enforcement;
  return { enforcement: { affected, acknowledged, lapsed, pending } };
}
