import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { quote } from "../object.js";

/** The metadata key that names the tenant of a call. */
export const tenantKey = "usher-tenant";

/** What a header bears: a tenant's name is visible ASCII on the wire. */
const visible = /^[\x21-\x7e]+$/;

/** @throws `invalid_request` */
export function checkTenantHeader(name: string): string {
  if (visible.test(name) && name.length <= limits.tenantBytesMax) return name;
  throw new UsherError("invalid_request", `tenant ${quote(name)} cannot be a header: give 1 to ${limits.tenantBytesMax} visible ASCII characters`);
}
