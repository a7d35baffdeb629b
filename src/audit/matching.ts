import type { AuditEntry, AuditFilter, LookupEntry } from "../model/audit.js";

/** What a result of a lookup is. */
export const foundField = { objects: "object", subjects: "subject", permissions: "permission" } as const satisfies Record<LookupEntry["found"], string>;

type Question = { readonly object?: string; readonly permission?: string; readonly subject?: string; readonly answer?: string };

/**
 * Whether a filter finds an entry. All that it gives must match; of a lookup one result must, or what was asked for. `tenant` given: of no other one.
 */
export function matches(entry: AuditEntry, filter: AuditFilter, tenant: string | undefined): boolean {
  if (tenant !== undefined && entry.tenant !== tenant) return false;
  if (filter.kinds !== undefined && !filter.kinds.includes(entry.kind)) return false;
  if (filter.from !== undefined && entry.at < filter.from) return false;
  if (filter.to !== undefined && entry.at >= filter.to) return false;
  const { principal, actor, session, request, zookie } = filter;
  if (!fits(entry, { principal, actor, session, request, zookie })) return false;
  return questionsOf(entry).some((question) => fits(question, { object: filter.object, permission: filter.permission, subject: filter.subject, answer: filter.answer }));
}

/** Whether it asks for nothing: then redacted records, of which nothing else is known, match it too. */
export function matchesAll(filter: AuditFilter, tenant: string | undefined): boolean {
  return tenant === undefined && Object.values(filter).every((value) => value === undefined);
}

function fits(entry: object, wanted: Readonly<Record<string, string | undefined>>): boolean {
  return Object.entries(wanted).every(([field, value]) => value === undefined || (entry as Readonly<Record<string, unknown>>)[field] === value);
}

function questionsOf(entry: AuditEntry): readonly Question[] {
  return entry.kind === "lookup" ? [askedOf(entry), ...resultsOf(entry)] : [entry as Question];
}

function askedOf({ object, permission, subject }: LookupEntry): Question {
  return { object, subject, ...(permission !== undefined && { permission }) };
}

function resultsOf(entry: LookupEntry): Question[] {
  const field = foundField[entry.found];
  return entry.results.map(([found, answer]) => ({ ...askedOf(entry), [field]: found, answer }));
}
