import { capDelay, machineTime } from "../../base/clock.js";

/** Where a guard reads time, and what wakes it. A test brings its own. */
export interface GuardTime {
  /** Never goes back, but may stop while the machine is suspended. */
  monotonicMs(): number;
  /** May be set by anybody, forward and back. */
  wallMs(): number;
  /** Runs once, after so long, or never where it was cancelled by the function that is returned. It keeps no program alive. */
  after(ms: number, run: () => void): () => void;
}

export const machineGuardTime: GuardTime = {
  monotonicMs: () => machineTime.monotonicMs(),
  wallMs: () => machineTime.wallMs(),
  after(ms, run) {
    const timer = setTimeout(run, capDelay(ms));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
