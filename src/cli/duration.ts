import { InvalidArgumentError } from "commander";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `24h`, `7d` as milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit = ""] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(number) * (unitMs[unit] ?? NaN);
  if (Number.isNaN(ms) || ms === 0) throw new InvalidArgumentError("It is no duration: write 500ms, 30s, 5m, 24h or 7d.");
  return ms;
}

/** A duration, or `unlimited` as Infinity. */
export function parseHorizon(text: string): number {
  return text === "unlimited" ? Number.POSITIVE_INFINITY : parseDuration(text);
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,15}$/.test(text) || count === 0) throw new InvalidArgumentError("It must be a whole number from 1.");
  return count;
}
