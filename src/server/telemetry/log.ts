import type { Writable } from "node:stream";

import { pino, type Logger } from "pino";

import { UsherError } from "../../base/errors.js";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export const logFormats = ["json", "text"] as const;

export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly output: Pick<Writable, "write">;
}

export type { Logger };

/** One line an event: JSON for programs, or the same in words for people. */
export function openLog({ level, format, output }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const write = format === "json" ? (line: string) => void output.write(line) : (line: string) => void output.write(inWords(line));
  return pino(options, { write });
}

/**
 * What may be said of a failure. A message names what was asked (tuples, ids, a context), so it is said at level `debug` alone; the code,
 * or of a bug its class and where it was thrown, are said always.
 */
export function failureFields(thrown: unknown, logger: Pick<Logger, "isLevelEnabled">): Record<string, unknown> {
  const message = logger.isLevelEnabled("debug") && thrown instanceof Error ? { message: thrown.message } : {};
  if (thrown instanceof UsherError && thrown.code !== "internal") return { code: thrown.code, ...message };
  if (!(thrown instanceof Error)) return { code: "internal" };
  return { code: "internal", error: thrown.name, at: frames(thrown), ...message };
}

/** The stack without its first lines, which are the message. */
function frames({ stack = "", message }: Error): string[] {
  const at = stack.indexOf(message);
  const below = at < 0 ? stack : stack.slice(at + message.length);
  return below.split("\n").map((line) => line.trim()).filter((line) => line.startsWith("at ")).slice(0, 20);
}

function inWords(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  return `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${String(msg)}${rest.join("")}\n`;
}
