import { UsherError } from "../../base/errors.js";
import { checkAttribution } from "../attribution.js";
import { quote } from "../object.js";

/** The metadata keys that say on whose behalf a call is made, and in which session. */
export const attributionKeys = { actor: "usher-actor", session: "usher-session" } as const;

/** W3C's header of a trace, which whatever stands between passes on. */
export const traceParentKey = "traceparent";

/** Visible ASCII without the comma: what stands between may put values that were given twice into one, with a comma. */
const encoded = /^[!-+\--~]*$/;

/** What a header bears is visible ASCII: UTF-8, percent-encoded. `Zoë` is `Zo%C3%AB`. @throws `invalid_request` */
export function writeAttribution(text: string, what: "actor" | "session"): string {
  return encodeURIComponent(checkAttribution(text, what));
}

/** @param values all that the call gives under the key, at least one @throws `invalid_request` */
export function readAttribution(values: readonly unknown[], what: "actor" | "session"): string {
  const key = attributionKeys[what];
  const [value, ...others] = values.map(String);
  const details = { field: key };
  if (value === undefined || others.length > 0 || !encoded.test(value)) {
    throw new UsherError("invalid_request", `metadata \`${key}\` is ${quote(values.join(", "))}: give it once, and percent-encoded, \`,\` and the blank too`, { details });
  }
  try {
    return checkAttribution(decodeURIComponent(value), what);
  } catch (thrown) {
    if (thrown instanceof UsherError) throw thrown;
    throw new UsherError("invalid_request", `metadata \`${key}\` is ${quote(value)}, which is no percent-encoded UTF-8: write \`%\` as \`%25\``, { details });
  }
}

/**
 * The trace's id in a `traceparent`: the second part of `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`. Undefined where it is none, as the
 * standard has it: what traces must not make calls fail.
 */
export function traceIdOf(traceParent: unknown): string | undefined {
  const [, version, id] = /^([0-9a-f]{2})-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-|$)/.exec(String(traceParent)) ?? [];
  return version === "ff" || id === undefined || /^0+$/.test(id) ? undefined : id;
}
