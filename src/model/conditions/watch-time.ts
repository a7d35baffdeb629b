import { limits } from "../../base/limits.js";
import type { Activation } from "./activation.js";
import { isComparison, msUntilChange, type Comparison } from "./boundary.js";
import { beforeEvaluation, children, type CelNode } from "./cel-node.js";
import { Duration } from "./duration.js";
import { nowParameter } from "./parameters.js";
import { Timestamp } from "./timestamp.js";

/**
 * Notes, at each evaluation, until when its result holds. A comparison whose sides are sums and
 * differences of `now` and of what does not read it changes at one instant, which is computed from the
 * values compared. Wherever else `now` is read, the result is given a second.
 *
 * Only what was evaluated counts: until the earliest of these instants every comparison has the same
 * outcome, so the evaluation takes the same path and gives the same result.
 */
export function watchTime(root: CelNode, activation: Activation): void {
  const compared = new Set<CelNode>();
  const visit = (node: CelNode): boolean => {
    const readsNow = isNow(node) || children(node).map(visit).some(Boolean);
    if (readsNow && isComparison(node.op)) watchComparison(node, node.op, activation, compared);
    return readsNow;
  };
  visit(root);
  for (const node of nowNodes(root)) {
    if (!compared.has(node)) beforeEvaluation(node, () => activation.changesIn(limits.nowUseValidMs));
  }
}

function watchComparison(node: CelNode, comparison: Comparison, activation: Activation, compared: Set<CelNode>): void {
  const [left, right] = node.args as [CelNode, CelNode];
  const leftPace = paceOf(left);
  const rightPace = paceOf(right);
  if (leftPace === undefined || rightPace === undefined) return;
  for (const read of nowNodes(node)) compared.add(read);
  const pace = leftPace - rightPace;
  const handle = node.handle;
  node.handle = (a, b, ...rest) => {
    if ((a instanceof Timestamp && b instanceof Timestamp) || (a instanceof Duration && b instanceof Duration)) {
      activation.changesIn(msUntilChange(comparison, a.ns - b.ns, pace));
    }
    return handle?.(a, b, ...rest);
  };
}

/** How fast the value grows with time: `now + d` once, `t - now` minus once, `t` not at all; undefined where that is not known. */
function paceOf(node: CelNode): number | undefined {
  if (isNow(node)) return 1;
  if (nowNodes(node).length === 0) return 0;
  if (node.op !== "+" && node.op !== "-") return undefined;
  const [left, right] = (node.args as [CelNode, CelNode]).map(paceOf);
  if (left === undefined || right === undefined) return undefined;
  return node.op === "+" ? left + right : left - right;
}

function nowNodes(node: CelNode): CelNode[] {
  return isNow(node) ? [node] : children(node).flatMap(nowNodes);
}

function isNow(node: CelNode): boolean {
  return node.op === "id" && node.args === nowParameter;
}
