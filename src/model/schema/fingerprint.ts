import { createHash } from "node:crypto";
import { unreachable } from "../../base/assert.js";
import type { Condition } from "../conditions/condition.js";
import { formatAllowedSubject } from "./alternative.js";
import type { Rewrite } from "./rewrite.js";
import type { AllowedSubject } from "./schema.js";

/**
 * What a relation means is what it allows, in whatever order, and the conditions of that:
 *
 *     relation
 *     group#member
 *     user with office_hours
 *     office_hours 5f1d…
 */
export function relationFingerprint(subjects: readonly AllowedSubject[], conditions: ReadonlyMap<string, Condition>): string {
  const used = new Set(subjects.flatMap(({ condition }) => (condition === undefined ? [] : [condition])));
  const meanings = [...used].map((name) => `${name} ${conditions.get(name)?.fingerprint ?? ""}`);
  return sha256(["relation", ...subjects.map(formatAllowedSubject).sort(), ...meanings.sort()].join("\n"));
}

/** What a permission means is its rewrite. What the names in it mean, their own fingerprints say. */
export function permissionFingerprint(rewrite: Rewrite): string {
  return sha256(`permission\n${formatRewrite(rewrite)}`);
}

/** Every operation in parentheses, so that precedence plays no part: `(viewer + (parent->view & nil))`. */
function formatRewrite(rewrite: Rewrite): string {
  switch (rewrite.kind) {
    case "union":
      return `(${rewrite.operands.map(formatRewrite).join(" + ")})`;
    case "intersection":
      return `(${rewrite.operands.map(formatRewrite).join(" & ")})`;
    case "exclusion":
      return `(${formatRewrite(rewrite.base)} - ${formatRewrite(rewrite.subtracted)})`;
    case "computed":
      return `#${rewrite.name}`;
    case "arrow":
      return `#${rewrite.tupleset}.${rewrite.quantifier}(${rewrite.permission})`;
    case "self":
    case "nil":
      return rewrite.kind;
    default:
      return unreachable(rewrite);
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
