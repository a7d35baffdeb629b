import type { Revision } from "../../model/zookie.js";
import { Finding } from "./finding.js";
import type { Ground } from "./leaf.js";

/** Which objects hold a subject, as `climb` finds them. */
export class Holders extends Finding {
  /** Undefined: they are too many to be known from this side. */
  ids: ReadonlySet<string> | undefined;

  constructor(ids: ReadonlySet<string> | undefined, footprint: readonly Ground[], revision: Revision) {
    super(footprint, revision);
    this.ids = ids;
  }

  renew(ids: ReadonlySet<string> | undefined, footprint: readonly Ground[], revision: Revision): void {
    this.refound(sameIds(ids, this.ids), footprint, revision);
    this.ids = ids;
  }
}

function sameIds(a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && [...a].every((id) => b.has(id));
}
