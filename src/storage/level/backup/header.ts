import { z } from "zod";

import type { Lineage } from "../../resolve-zookie.js";
import type { Head } from "../../store.js";
import type { Keyspace } from "../keys.js";
import type { ChainPoint } from "../meta.js";

/** The newest form of backup files that this code reads, and the one that it writes. */
export const backupVersion = 1;

/** What a backup is of: the first thing in its file. */
export interface BackupHeader extends Lineage {
  readonly version: number;
  /** Of the rows. */
  readonly format: number;
  /** `full`: every row. `incremental`: the log after `from`, with what no log tells: tenants and the outcomes of request ids. */
  readonly kind: "full" | "incremental";
  readonly head: ChainPoint;
  readonly horizon: Head;
  /** Of an incremental one: the head of the backup that it goes on from. */
  readonly from?: { readonly revision: number; readonly hash: string } | undefined;
}

const eightHex = z.string().regex(/^[0-9a-f]{8}$/);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export const headerShape: z.ZodType<BackupHeader> = z.object({
  version: z.literal(backupVersion),
  format: count,
  kind: z.enum(["full", "incremental"]),
  store: eightHex,
  timeline: eightHex,
  ancestors: z.array(z.object({ timeline: eightHex, fork: count })),
  head: z.object({ revision: count, instant: count, hash }),
  horizon: z.object({ revision: count, instant: count }),
  from: z.object({ revision: count, hash }).optional(),
});

/** What no log tells of, and an increment has as a whole: how far imports have come, and what they have staged. */
export const wholeSpaces: readonly Keyspace[] = ["staged", "import"];

/** What an increment has rows of. */
export const incrementSpaces: ReadonlySet<Keyspace> = new Set<Keyspace>(["meta", "log", "request", "requestByAge", ...wholeSpaces]);

/** What the trailer says. */
export interface BackupTrailer {
  readonly rows: number;
  /** In hex, over every byte before the trailer's frame. */
  readonly sha256: string;
}

export const trailerShape: z.ZodType<BackupTrailer> = z.object({ rows: count, sha256: hash });
