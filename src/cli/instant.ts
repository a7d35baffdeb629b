import { InvalidArgumentError } from "commander";
import { machineTime, type Instant } from "../base/clock.js";
import { durationMs } from "../base/duration.js";
import { CelValueError } from "../model/conditions/cel-error.js";
import { Timestamp } from "../model/conditions/timestamp.js";

/** `2026-03-01T09:30:00Z`, or so long ago by this machine's clock: `-15m`, `-24h`, `-7d`. */
export function parseInstant(text: string): Instant {
  const instant = text.startsWith("-") ? instantBefore(text.slice(1)) : instantAt(text);
  if (instant === undefined) throw new InvalidArgumentError("It is no instant: write 2026-03-01T09:30:00Z, or -15m, -24h or -7d for so long ago.");
  return instant;
}

function instantBefore(duration: string): Instant | undefined {
  const ms = durationMs(duration);
  return ms === undefined ? undefined : Math.max(0, Math.floor(machineTime.wallMs()) - ms);
}

function instantAt(text: string): Instant | undefined {
  try {
    return Timestamp.parse(text).ms;
  } catch (error) {
    if (error instanceof CelValueError) return undefined;
    throw error;
  }
}
