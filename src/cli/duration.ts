import { InvalidArgumentError } from "commander";
import { durationMs } from "../base/duration.js";

/** `500ms`, `30s`, `5m`, `24h`, `7d` as milliseconds. */
export function parseDuration(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) throw new InvalidArgumentError("It is no duration: write 500ms, 30s, 5m, 24h or 7d.");
  return ms;
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,15}$/.test(text) || count === 0) throw new InvalidArgumentError("It must be a whole number from 1.");
  return count;
}
