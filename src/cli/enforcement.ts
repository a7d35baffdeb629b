import { InvalidArgumentError, Option, type Command } from "commander";
import { durationMs } from "../base/duration.js";
import { limits } from "../base/limits.js";
import type { Enforcement } from "../model/live.js";
import { exitCodes } from "./exit.js";

/** The option that waits until what a commit ended is honoured by nobody any more. */
export interface AwaitOptions {
  /** Milliseconds. */
  readonly await?: number;
}

const waitDefault = "15s";

export function addAwaitOption(command: Command): Command {
  return command.addOption(
    new Option("--await [duration]", `wait until every enforcement point that held what this ends has let go of it; ${waitDefault} unless given, exit code ${exitCodes.pending} where some have not`)
      .preset(waitDefault)
      .argParser(parseWait)
      // Nothing is committed, so there is nothing to enforce.
      .conflicts("validateOnly"),
  );
}

export function awaitRequest(options: AwaitOptions): { readonly awaitEnforcementMs?: number } {
  return options.await === undefined ? {} : { awaitEnforcementMs: options.await };
}

/** What a write that waited was told, as further lines beneath its result; nothing where it did not wait. @param elapsedMs how long the call took */
export function receiptText(zookie: string, committed: boolean, enforcement: Enforcement | undefined, elapsedMs: number): string {
  if (enforcement === undefined) return "";
  const { affected, acknowledged, lapsed, pending } = enforcement;
  const released = `${acknowledged + lapsed} of ${affected} enforcement ${affected === 1 ? "point" : "points"}${lapsed === 0 ? "" : ` (${lapsed} lapsed)`}`;
  const time = pending === 0 ? timeText(elapsedMs) : `${pending} pending after ${timeText(elapsedMs)}`;
  return `${committed ? `\ncommitted  zookie ${zookie}` : ""}\nenforced   ${released}, ${time}`;
}

/** The commit stands either way; but whoever waited for it to be enforced must not take it for that. */
export function enforcementExit(enforcement: Enforcement | undefined): number {
  return enforcement !== undefined && enforcement.pending > 0 ? exitCodes.pending : exitCodes.ok;
}

/** Of several commits of one command: an enforcement point that two of them concern counts twice. */
export function addEnforcement(one: Enforcement | undefined, other: Enforcement | undefined): Enforcement | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    affected: one.affected + other.affected,
    acknowledged: one.acknowledged + other.acknowledged,
    lapsed: one.lapsed + other.lapsed,
    pending: one.pending + other.pending,
  };
}

function timeText(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(1)} ms` : `${Number((ms / 1_000).toFixed(1))} s`;
}

function parseWait(text: string): number {
  const ms = durationMs(text);
  // A tuple that follows the option is taken for its value.
  if (ms === undefined) throw new InvalidArgumentError("It is no duration: write --await=30s, or --await after everything else.");
  if (ms > limits.awaitEnforcementMsMax) throw new InvalidArgumentError(`It must be at most ${limits.awaitEnforcementMsMax / 1_000}s.`);
  return ms;
}
