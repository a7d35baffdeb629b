const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `24h`, `7d` as milliseconds; undefined: it is none. */
export function durationMs(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(number) * (unitMs[unit] ?? NaN);
  return Number.isNaN(ms) || ms === 0 ? undefined : ms;
}
