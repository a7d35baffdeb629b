import type { Revision } from "../../model/zookie.js";
import type { Ground } from "./leaf.js";

/**
 * What was found out from what was read, with its footprint. It holds as long as nothing in the footprint has changed, which is looked at
 * when it is next used, once for each commit (as in build systems; Mokhov, Mitchell and Peyton Jones, "Build systems à la carte",
 * 2018: a verifying trace). When it is found out again and is the same, those that rest on it are not touched: there the wave stops.
 *
 * There are very many: fields are not private, which takes a hidden class for each object in Node.js 20.
 */
export abstract class Finding implements Ground {
  /** Leaves, and findings it used: footprints are a graph, of which only the ends hold keys. */
  footprint: readonly Ground[];
  /** From when to when, as commits go: it came to be this at `changedAt`, and was last seen to hold at `verifiedAt`. */
  changedAt: Revision;
  verifiedAt: Revision;

  constructor(footprint: readonly Ground[], revision: Revision) {
    this.footprint = footprint;
    this.changedAt = revision;
    this.verifiedAt = revision;
  }

  standsAt(revision: Revision): boolean {
    if (this.verifiedAt === revision) return true;
    // Of a walk that is behind: what has been seen of later commits says nothing of earlier ones.
    if (revision < this.verifiedAt) return false;
    // Whoever comes by here again meanwhile finds it behind, and so not standing.
    const verifiedAt = this.verifiedAt;
    this.verifiedAt = Infinity;
    const stands = isUntouched(this.footprint, revision, verifiedAt);
    this.verifiedAt = stands ? revision : verifiedAt;
    return stands;
  }

  /** It was found out again, and is the same as before or not. */
  protected refound(same: boolean, footprint: readonly Ground[], revision: Revision): void {
    // Who was seen to hold at the same commit before is not to hold at the next one: after that commit, and before any other.
    if (!same) this.changedAt = this.verifiedAt === revision ? revision + 0.5 : revision;
    this.footprint = footprint;
    this.verifiedAt = revision;
  }
}

/**
 * Two findings may have come to rest on each other: the one was found again when time had ended it, by way of the other, which had used it and was decided
 * without it. What would hold only if it holds is found out anew.
 */
function isUntouched(footprint: readonly Ground[], revision: Revision, since: Revision): boolean {
  for (const ground of footprint) {
    if (ground instanceof Finding && !ground.standsAt(revision)) return false;
    if (ground.changedAt > since) return false;
  }
  return true;
}
