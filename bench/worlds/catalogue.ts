import { deepArrow } from "./deep-arrow.js";
import { documents } from "./documents.js";
import { doubleWideArrow } from "./double-wide-arrow.js";
import { exclusion } from "./exclusion.js";
import { growth } from "./growth.js";
import { intersection } from "./intersection.js";
import { mutualGroups } from "./mutual-groups.js";
import { nestedGroups } from "./nested-groups.js";
import { wideArrow } from "./wide-arrow.js";
import { wideDirect } from "./wide-direct.js";
import { wideGroups } from "./wide-groups.js";
import type { WorldKind } from "./world.js";

/** All of them. */
export const worldKinds: readonly WorldKind[] = [wideDirect, wideGroups, deepArrow, wideArrow, doubleWideArrow, nestedGroups, mutualGroups, exclusion, intersection, documents, growth];

export function worldKind(name: string): WorldKind {
  const kind = worldKinds.find((each) => each.name === name);
  if (kind === undefined) throw new Error(`there is no world \`${name}\`: there are ${worldKinds.map((each) => `\`${each.name}\``).join(", ")}`);
  return kind;
}
