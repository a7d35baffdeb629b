/**
 * What a key may do, one word a kind of rpc:
 *
 * - `read`: checks, expansions, lookups, tuples, watches, the schema's text
 * - `write`: tuples
 * - `schema`: writing the schema
 * - `audit`: the decision log
 * - `admin`: the server itself: tenants, status, backups. It belongs to no tenant, so that only a key of all tenants may have it.
 *
 * None contains another: a service that only checks has `read`, and one that only writes tuples cannot read them.
 */
export const roles = ["read", "write", "schema", "audit", "admin"] as const;

export type Role = (typeof roles)[number];
