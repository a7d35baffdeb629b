import Benchmark from "benchmark";

import type { Row } from "./report.js";
import type { Settings } from "./suite.js";

/** Something synchronous, repeated; the rate is that of Benchmark.js, which looks after timer resolution and samples. */
export function micro(name: string, settings: Settings, run: () => unknown): Row {
  const benchmark = new Benchmark(name, run, { maxTime: settings.microSeconds });
  benchmark.run({ async: false });
  // Benchmark.js types what a run threw as nothing in particular, and keeps it here instead of throwing it.
  const error: unknown = benchmark.error;
  if (error !== undefined) throw new Error(`“${name}” failed`, { cause: error });
  return { name, perSecond: benchmark.hz, meanUs: 1e6 / benchmark.hz };
}
