import type { ErrorCode } from "../../base/errors.js";
import type { CallClass } from "../admission.js";
import { failureFields, type Logger } from "./log.js";
import { unobservedServer, type CallRecord, type ServerObserver } from "./observer.js";

/** What an operator should see, though the caller has been told too: it is the server, its disk or its data that failed. */
const alarming: ReadonlySet<string> = new Set<ErrorCode>(["internal", "store_corrupt", "store_unavailable", "outcome_unknown"]);

/**
 * Writes down calls: each at level `debug`, failures at `info`, slow ones and what an operator should see at `warn`, bugs at
 * `error`. Nothing of what was asked or answered is written but at `debug`; see `failureFields`.
 */
export function callLog(logger: Logger, slowMs: number): ServerObserver {
  return {
    ...unobservedServer,
    onEnd: (record) => {
      const slow = !record.streams && record.seconds * 1_000 >= slowMs;
      const level = levelOf(record, slow);
      if (!logger.isLevelEnabled(level)) return;
      const { requestId, method, seconds, thrown } = record;
      const failure = thrown === undefined ? { code: "ok" } : failureFields(thrown, logger);
      logger[level]({ requestId, method, ms: Math.round(seconds * 1e6) / 1e3, ...failure, ...(slow ? { slow } : {}) }, "call");
    },
    onShed: (callClass: CallClass) => {
      if (logger.isLevelEnabled("debug")) logger.debug({ class: callClass }, "shed");
    },
    onAuthentication: ({ outcome, reason, peer }) => {
      if (outcome === "refused" && logger.isLevelEnabled("info")) logger.info({ reason, peer }, "authentication refused");
    },
  };
}

function levelOf({ code }: CallRecord, slow: boolean): "debug" | "info" | "warn" | "error" {
  if (code === "internal") return "error";
  if (slow || alarming.has(code)) return "warn";
  // Refused in thousands while it lasts, and counted.
  return code === "ok" || code === "overloaded" || code === "cancelled" ? "debug" : "info";
}
