import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { quote } from "./object.js";

/** The tenant of a call that names none; a new store has it. */
export const defaultTenant = "default";

/** What a tenant may use at most; what is absent is not bounded. */
export interface Quotas {
  /** Tuples that stand at once, expired ones too until they are deleted. */
  readonly tuples?: number;
  /** Calls that a server takes a second, evenly over time, with bursts of a second's worth; what only deletes is counted, and never refused. */
  readonly requestsPerSecond?: number;
}

/** An isolated set of schema, tuples and zookies. */
export interface Tenant {
  readonly name: string;
  /** Absent for the default tenant, which is as old as its store. */
  readonly createdAt?: Instant;
  readonly quotas: Quotas;
  /** How many tuples stand, expired ones too. */
  readonly tuples: number;
}

/** Fit for a header, a file name, a metric label and a command line. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** @throws `invalid_name` */
export function checkTenantName(name: string): string {
  if (typeof name === "string" && name.length <= limits.tenantBytesMax && namePattern.test(name)) return name;
  throw new UsherError(
    "invalid_name",
    `tenant ${quote(name)} is not a name: letters, digits, \`.\`, \`_\` and \`-\`, beginning with a letter or a digit, at most ${limits.tenantBytesMax} bytes`,
  );
}

/** @throws `invalid_request` */
export function checkQuotas({ tuples, requestsPerSecond }: Quotas): Quotas {
  return {
    ...(tuples === undefined ? {} : { tuples: checkQuota("tuples", tuples, 0, limits.quotaTuplesMax) }),
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond: checkQuota("requestsPerSecond", requestsPerSecond, 1, limits.quotaRequestsPerSecondMax) }),
  };
}

function checkQuota(name: keyof Quotas, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsherError("invalid_request", `quota \`${name}\` is ${quote(value)}: give a whole number from ${min} to ${max}, or leave it out`);
}

/** What everybody hears who asks for a tenant that is not, or no longer, there. */
export function tenantUnknown(name: string): UsherError {
  return new UsherError("tenant_unknown", `there is no tenant ${quote(name)}: name one that there is, or create it first`);
}
