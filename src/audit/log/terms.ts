import type { AuditEntry, AuditFilter } from "../../model/audit.js";
import { foundField } from "../matching.js";

/** The fields that queries are looked up by. In the order in which they tell more: where two are as good, the first is taken. */
export const termFields = ["request", "object", "subject", "session", "zookie", "actor", "principal", "permission", "tenant", "answer", "kind"] as const;
export type TermField = (typeof termFields)[number];

/** A hash of field and value: 48 bits, so that one with a record's place in a run is 64. Where two collide a query reads a record for nothing. */
export interface Term {
  /** 32 bits and 16 bits. */
  readonly high: number;
  readonly low: number;
}

const seeds = Object.fromEntries(termFields.map((field, i) => [field, Math.imul(i + 1, 0x9e3779b1)])) as Record<TermField, number>;

/** Hands over the same hash without making an object of it. After cyrb53, a mixing of MurmurHash3's kind, by "bryc" (public domain). */
export function hashTerm(field: TermField, value: string, take: (high: number, low: number) => void): void {
  let one = 0xdeadbeef ^ seeds[field];
  let two = 0x41c6ce57 ^ seeds[field];
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    one = Math.imul(one ^ code, 2_654_435_761);
    two = Math.imul(two ^ code, 1_597_334_677);
  }
  one = Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(two ^ (two >>> 13), 3_266_489_909);
  two = Math.imul(two ^ (two >>> 16), 2_246_822_507) ^ Math.imul(one ^ (one >>> 13), 3_266_489_909);
  take(two >>> 0, one & 0xffff);
}

export function termOf(field: TermField, value: string): Term {
  let term: Term = { high: 0, low: 0 };
  hashTerm(field, value, (high, low) => (term = { high, low }));
  return term;
}

/** Terms of an entry; some may come twice. */
export function eachTerm(entry: AuditEntry, take: (high: number, low: number) => void): void {
  const all = entry as Partial<Record<TermField, string>>;
  for (const field of termFields) {
    const value = all[field];
    if (typeof value === "string") hashTerm(field, value, take);
  }
  if (entry.kind !== "lookup") return;
  const field = foundField[entry.found];
  for (const [found, answer] of entry.results) {
    hashTerm(field, found, take);
    hashTerm("answer", answer, take);
  }
}

/** What a record that matches has: of each list one at least. Each record that matches the filter has them; others may. */
export function termsOfFilter(filter: AuditFilter, tenant: string | undefined): Term[][] {
  const wanted: Term[][] = [];
  for (const field of termFields) {
    const value = field === "tenant" ? tenant : field === "kind" ? undefined : filter[field];
    if (value !== undefined) wanted.push([termOf(field, value)]);
  }
  if (filter.kinds !== undefined) wanted.push([...new Set(filter.kinds)].map((kind) => termOf("kind", kind)));
  return wanted;
}
