import type { Instant } from "../../base/clock.js";
import type { Revision } from "../../model/zookie.js";
import type { Ancestor, Head, StoreIdentity } from "../store.js";
import { metaKey } from "./keys.js";
import type { RawOperation } from "./raw.js";
import { sealJson } from "./seal.js";

/** The newest format that this code reads and the one that it writes. */
export const format = 1;

/** A point of the chain of commits: a revision with its record's hash. */
export interface ChainPoint extends Head {
  readonly revision: Revision;
  readonly instant: Instant;
  /** SHA-256 in hex of the record; 64 zeros for revision 0. */
  readonly hash: string;
}

/** The rows of the store itself, each JSON under its name. */
export interface MetaRows {
  readonly format: number;
  readonly identity: StoreIdentity;
  readonly head: ChainPoint;
  readonly horizon: Head;
  /** Up to here the chain has been verified: opening begins after it. */
  readonly mark: ChainPoint;
  /** Absent in a store that was never restored. */
  readonly ancestors: readonly Ancestor[];
  /** While the rows are being brought from one format to the next, the format of those that are left: how far that has come. */
  readonly upgrade: { readonly from: number; readonly cursor?: string };
}

export function putMeta<Name extends keyof MetaRows>(name: Name, value: MetaRows[Name]): RawOperation {
  const key = metaKey(name);
  return { type: "put", key, value: sealJson(key, value) };
}

/** A tenant's number stands under its name. */
export const tenantPrefix = "tenant/";

export function putTenant(name: string, number: number): RawOperation {
  const key = metaKey(tenantPrefix + name);
  return { type: "put", key, value: sealJson(key, number) };
}
