import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Memory {
  /** All that is in memory for the process, what it maps of files too. */
  readonly residentBytes: number;
  /** Without mapped files, where the system tells: LevelDB maps its tables, and the system takes those pages back when it needs them. */
  readonly ownBytes: number;
  /** JavaScript's part of it, garbage that was not collected yet with it. */
  readonly heapBytes: number;
}

/** Of this process, now. */
export function memoryNow(): Memory {
  const { rss, heapTotal } = process.memoryUsage();
  return { residentBytes: rss, ownBytes: anonymousBytes() ?? rss, heapBytes: heapTotal };
}

/** The same after garbage was collected; `heapBytes` is what is in use then. */
export function settledMemory(): Memory {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let time = 0; time < 3; time++) collect();
  return { ...memoryNow(), heapBytes: process.memoryUsage().heapUsed };
}

function anonymousBytes(): number | undefined {
  try {
    const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
  } catch {
    return undefined;
  }
}
