import { getHeapStatistics } from "node:v8";

import { UsherError } from "./errors.js";
import { limits } from "./limits.js";

const mebibyte = 1_048_576;

/**
 * What the relation cache and the memo may be given at most in this process: half the heap without its young generation, or, where that
 * would be most of it, a quarter of all. A budget is an estimate, of which the heap takes a quarter more, and the rest is for the calls
 * under way and for collecting garbage. The heap's limit is by itself a part of the machine's memory, or the container's, unless
 * `--max-old-space-size` says otherwise.
 *
 * @param heapBytes that limit
 */
export function memoryBudgetBytesMax(heapBytes: number = getHeapStatistics().heap_size_limit): number {
  return Math.floor(Math.max(heapBytes / 4, (heapBytes - limits.youngGenerationBytesMax) / 2));
}

/** In whole MiB: `limits.memoryBudgetBytesDefault`, and less where the heap is small, so that what nobody set is never refused. */
export function memoryBudgetBytesDefault(heapBytes?: number): number {
  const bytes = Math.min(limits.memoryBudgetBytesDefault, memoryBudgetBytesMax(heapBytes));
  return Math.max(limits.memoryBudgetBytesMin, bytes - (bytes % mebibyte));
}

/** The budget that was given, or the default. @throws `invalid_configuration`, with `details.keys` */
export function memoryBudgetOf(given: number | undefined): number {
  if (given === undefined) return memoryBudgetBytesDefault();
  const max = memoryBudgetBytesMax();
  if (Number.isSafeInteger(given) && given >= limits.memoryBudgetBytesMin && given <= max) return given;
  const expected = `whole bytes from ${limits.memoryBudgetBytesMin} to ${max}, for which the heap of this process has room`;
  throw new UsherError("invalid_configuration", `\`memoryBudgetBytes\` is \`${String(given)}\`: give ${expected}; \`--max-old-space-size\` makes it larger`, { details: { keys: "memoryBudgetBytes" } });
}
