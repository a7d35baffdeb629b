import type { Instant } from "../../base/clock.js";
import type { AuditKind } from "../../model/audit.js";
import { damaged } from "./seal.js";

/** Where the log stands: written with every batch, and all that an opening begins with. */
export interface Head {
  readonly format: 1;
  readonly size: number;
  /** Of the tree of that size, 64 hex digits. */
  readonly root: string;
  /** The number of the last batch that was handed over: after a failure it says whether that one arrived. */
  readonly sequence: number;
  /** Records below are not kept; a multiple of `groupRecords`. */
  readonly kept: number;
  /** Of all blocks that the log has ever had. */
  readonly bytes: number;
  readonly redacted: number;
  /** The highest instant so far, and by how much one ever lay below the highest before it. */
  readonly high: Instant;
  readonly late: number;
  readonly last?: { readonly kind: AuditKind; readonly at: Instant };
  /** What the last `key` record said, and the last `sampling` record. */
  readonly key?: string;
  readonly oneIn: number;
}

export const formatNewest = 1;

export function encodeHead(head: Head): Buffer {
  return Buffer.from(JSON.stringify(head));
}

/** @throws `store_corrupt` */
export function decodeHead(bytes: Buffer): Head {
  const head = JSON.parse(bytes.toString()) as Head;
  if (!Number.isSafeInteger(head.size) || head.kept > head.size) throw damaged("its head says what cannot be");
  return head;
}
