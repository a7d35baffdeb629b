import type { Instant } from "../../base/clock.js";
import type { Role } from "../../model/role.js";

/** Who may call, as the keys file says it: the holder of a key's secret, or of a certificate. */
export interface KeyEntry {
  /** The principal of its calls. */
  readonly id: string;
  readonly proof: KeyProof | CertificateProof;
  /** `*`: any, as the call names it. */
  readonly tenant: string;
  readonly roles: ReadonlySet<Role>;
  readonly expiresAt?: Instant;
  readonly note?: string;
}

export interface KeyProof {
  readonly kind: "key";
  /** SHA-256 of the key's text. */
  readonly hash: Buffer;
}

export interface CertificateProof {
  readonly kind: "certificate";
  /** `URI:spiffe://example/billing`, `DNS:billing.example`, `email:billing@example`, `CN=billing`. */
  readonly name: string;
}

export const allTenants = "*";

/** Whether what was let in by one of them would be let in by the other: else its calls end with a reload. */
export function sameAccess(a: KeyEntry, b: KeyEntry): boolean {
  return a.tenant === b.tenant && a.expiresAt === b.expiresAt && sameProof(a, b) && [...a.roles].every((role) => b.roles.has(role));
}

function sameProof({ proof: a }: KeyEntry, { proof: b }: KeyEntry): boolean {
  if (a.kind === "key") return b.kind === "key" && a.hash.equals(b.hash);
  return b.kind === "certificate" && a.name === b.name;
}
