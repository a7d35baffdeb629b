import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { quote } from "./object.js";

/** On whose behalf calls are made, and in which session: what the decision log tells beside who makes them. */
export interface CallAttribution {
  readonly actor?: string;
  readonly session?: string;
}

/** What a line of the log must not hold: controls, and what would show it otherwise than it is. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** An actor or a session, as it is recorded. @throws `invalid_request` */
export function checkAttribution(text: string, what: "actor" | "session"): string {
  const wrong = whatIsWrong(text);
  if (wrong === undefined) return text;
  throw new UsherError("invalid_request", `${what} ${quote(text)} ${wrong}: give 1 to ${limits.attributionBytesMax} bytes of text without controls`, { details: { field: what } });
}

function whatIsWrong(text: unknown): string | undefined {
  if (typeof text !== "string") return "is not a string";
  if (text === "") return "is empty";
  if (unprintable.test(text)) return "has a control, or an invisible character";
  if (!text.isWellFormed()) return "is not well-formed Unicode (it has a lone surrogate)";
  if (text.length > limits.attributionBytesMax || Buffer.byteLength(text) > limits.attributionBytesMax) return `is longer than ${limits.attributionBytesMax} bytes`;
  return undefined;
}
