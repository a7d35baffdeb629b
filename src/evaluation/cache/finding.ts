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
    for (const ground of this.footprint) {
      if (ground instanceof Finding && !ground.standsAt(revision)) return false;
      if (ground.changedAt > this.verifiedAt) return false;
    }
    this.verifiedAt = revision;
    return true;
  }

  /** It was found out again, and is the same as before or not. */
  protected refound(same: boolean, footprint: readonly Ground[], revision: Revision): void {
    if (!same) this.changedAt = revision;
    this.footprint = footprint;
    this.verifiedAt = revision;
  }
}
