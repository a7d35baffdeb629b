import { limits } from "../../../base/limits.js";
import type { TenantId } from "../../../model/zookie.js";
import type { KeyRange } from "../keys.js";
import type { RawDatabase, RawSnapshot } from "../raw.js";
import { unseal } from "../seal.js";
import type { StoreMeta } from "../state.js";
import type { Findings } from "./findings.js";

/** What the parts of a check share: one snapshot of a store that is not open elsewhere. */
export interface Survey {
  readonly raw: RawDatabase;
  readonly snapshot: RawSnapshot;
  readonly meta: StoreMeta;
  readonly standing: ReadonlySet<TenantId>;
  /** Deleted, their rows being purged when the store is next open. */
  readonly ended: ReadonlySet<TenantId>;
  readonly findings: Findings;
}

export type Entry = readonly [key: Buffer, value: Buffer];

/** The rows of a range, so many at once as are looked up elsewhere in one call. */
export async function* chunks({ raw, snapshot }: Survey, range: KeyRange): AsyncGenerator<Entry[], void> {
  const iterator = raw.iterate({ ...range, snapshot });
  try {
    for (;;) {
      const chunk = await iterator.next(limits.fsckLookupRowsMax);
      if (chunk.length === 0) return;
      yield chunk;
    }
  } finally {
    await iterator.close();
  }
}

export function lookUp({ raw, snapshot }: Survey, keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
  return raw.getMany(keys, snapshot);
}

/** The body of a row, where there is one and it matches its checksum. */
export function sound(key: Buffer, value: Buffer | undefined): Buffer | undefined {
  if (value === undefined) return undefined;
  try {
    return unseal(key, value);
  } catch {
    return undefined;
  }
}

/** What a decoder makes of a row; undefined where it matches its checksum and is none all the same, or does not match it. */
export function attempt<Result>(decode: () => Result): Result | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}

export function shown(key: Buffer): string {
  return key.toString("hex").slice(0, 120);
}
