import { instantText, tupleJson } from "../model/tuple-json.js";
import type { Explanation, ExpandNode } from "../model/service.js";

export { instantText, tupleJson };

export function explanationJson(step: Explanation): unknown {
  return { ...step, ...(step.tuple === undefined ? {} : { tuple: tupleJson(step.tuple) }), children: step.children.map(explanationJson) };
}

export function expandJson(node: ExpandNode): unknown {
  return {
    ...node,
    children: node.children.map(expandJson),
    subjects: node.subjects.map((each) => ({
      ...each,
      ...(each.expiresAt === undefined ? {} : { expiresAt: instantText(each.expiresAt) }),
      ...(each.expanded === undefined ? {} : { expanded: expandJson(each.expanded) }),
    })),
  };
}
