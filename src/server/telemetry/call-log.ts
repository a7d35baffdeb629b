import type { ErrorCode } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { CallClass } from "../admission.js";
import { failureFields, type Logger } from "./log.js";
import { unobservedServer, type CallRecord, type ServerObserver } from "./observer.js";
import { Ration } from "./ration.js";

/** What an operator should see, though the caller has been told too: it is the server, its disk or its data that failed. */
const alarming: ReadonlySet<string> = new Set<ErrorCode>(["internal", "store_corrupt", "store_unavailable", "outcome_unknown"]);

/**
 * Writes down calls: each at level `debug`, failures at `info`, slow ones and what an operator should see at `warn`, bugs at
 * `error`. Of refused authentications there are so many lines a second, with how many were withheld. Nothing of what was asked or
 * answered is written but at `debug`; see `failureFields`.
 */
export function callLog(logger: Logger, slowMs: number, monotonicMs: () => number = () => performance.now()): ServerObserver {
  const refusals = new Ration(limits.refusalsLoggedPerSecondMax, monotonicMs);
  return {
    ...unobservedServer,
    onEnd: (record) => {
      // Who fails to authenticate is answered slowly on purpose.
      const slow = !record.streams && record.code !== "unauthenticated" && record.seconds * 1_000 >= slowMs;
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
      if (outcome !== "refused" || !logger.isLevelEnabled("info")) return;
      const withheld = refusals.take();
      if (withheld !== undefined) logger.info({ reason, peer, ...(withheld > 0 ? { withheld } : {}) }, "authentication refused");
    },
  };
}

function levelOf({ code }: CallRecord, slow: boolean): "debug" | "info" | "warn" | "error" {
  if (code === "internal") return "error";
  if (slow || alarming.has(code)) return "warn";
  // Refused in thousands while it lasts, and counted; of those who have no key there is a line of its own.
  return code === "ok" || code === "overloaded" || code === "cancelled" || code === "unauthenticated" ? "debug" : "info";
}
