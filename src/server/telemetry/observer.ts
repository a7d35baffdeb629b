import type { ErrorCode } from "../../base/errors.js";
import type { Decision } from "../../model/service.js";
import type { AccessEvents } from "../access/events.js";
import type { CallClass } from "../admission.js";

/** The answer to one check, alone or in a batch. */
export type CheckAnswer = "allowed" | "denied" | "conditional" | "error";

export function answerOf({ allowed, missingFields }: Pick<Decision, "allowed" | "missingFields">): CheckAnswer {
  if (allowed) return "allowed";
  return missingFields.length > 0 ? "conditional" : "denied";
}

/** A call that has ended. It holds nothing of what was asked or answered. */
export interface CallRecord {
  /** `PermissionService/Check` */
  readonly method: string;
  readonly requestId: string;
  readonly code: "ok" | ErrorCode;
  /** From the moment the request was there until its answer was handed over; of a stream, until it ended. */
  readonly seconds: number;
  readonly streams: boolean;
  /** What was thrown. Its message may name tuples: it is for debugging alone. */
  readonly thrown?: unknown;
}

/** Hears what the server does, for figures and the log. It must be quick, and must not throw. */
export interface ServerObserver extends AccessEvents {
  onBegin(method: string, streams: boolean): void;
  onEnd(record: CallRecord): void;
  onDecision(answer: CheckAnswer): void;
  /** A call was refused for overload. */
  onShed(callClass: CallClass): void;
}

export const unobservedServer: ServerObserver = {
  onBegin: () => undefined,
  onEnd: () => undefined,
  onDecision: () => undefined,
  onShed: () => undefined,
  onAuthentication: () => undefined,
};

/** Tells both, in their order. */
export function observers(first: ServerObserver, second: ServerObserver): ServerObserver {
  return {
    onBegin: (method, streams) => {
      first.onBegin(method, streams);
      second.onBegin(method, streams);
    },
    onEnd: (record) => {
      first.onEnd(record);
      second.onEnd(record);
    },
    onDecision: (answer) => {
      first.onDecision(answer);
      second.onDecision(answer);
    },
    onShed: (callClass) => {
      first.onShed(callClass);
      second.onShed(callClass);
    },
    onAuthentication: (event) => {
      first.onAuthentication(event);
      second.onAuthentication(event);
    },
  };
}
