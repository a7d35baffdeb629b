import { createHash } from "node:crypto";

/** Of everything that makes a request what it is, so that a token given for one request is not taken with another. */
export function requestHash(request: object): string {
  return createHash("sha256").update(JSON.stringify(canonical(request))).digest("base64url");
}

/** The same value with object keys in order, so that two requests that mean the same hash the same. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, canonical(field)]));
}
