import { setImmediate as turn } from "node:timers/promises";

/** Lets what waits in this thread, above all records that are to be written, go ahead. */
export function breathe(): Promise<void> {
  return turn();
}
