import type { Clock, Instant } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";
import { quote } from "../../model/object.js";
import type { Role } from "../../model/role.js";
import { certificateNames, type ClientCertificate } from "./certificate-names.js";
import type { AccessEvents, AuthenticationReason } from "./events.js";
import { allTenants, type KeyEntry, sameAccess } from "./key-entry.js";
import { KeyRing } from "./key-ring.js";
import { loadKeys, type LoadedKeys } from "./keys-file.js";
import { OpenCalls, type Ending } from "./open-calls.js";

/** What a call shows at the door. */
export interface Credentials {
  /** The values of the header `authorization`. */
  readonly authorization: readonly string[];
  /** Verified by TLS; absent where the client showed none, or the server asks for none. */
  readonly certificate?: ClientCertificate | undefined;
  /** The tenant that the call names; asked for once it is known who calls. @throws `invalid_request` */
  readonly tenant: () => string | undefined;
  /** Where it comes from, without a port. */
  readonly peer: string;
}

/** What an rpc asks for. */
export interface Needs {
  /** `/usher.v1.PermissionService/Check` */
  readonly path: string;
  readonly role: Role;
}

/** Who was let in, as what, until released. */
export interface Caller {
  readonly principal: string;
  /** Absent where the call names none and its key is of all. */
  readonly tenant?: string;
  readonly release: () => void;
}

/** Whose key or certificate was shown, and until when it is good. */
export interface Identity {
  readonly entry: KeyEntry;
  readonly until: Instant | undefined;
  readonly reason: AuthenticationReason;
  /** The keys that were in force. */
  readonly keys: KeyRing;
}

interface Unidentified {
  readonly error: UsherError;
  readonly reason: AuthenticationReason;
}

export interface AccessOptions {
  /** The keys file. */
  readonly file: string;
  readonly clock: Clock;
  readonly events?: AccessEvents;
}

/** @throws `invalid_file` */
export async function createAccess(options: AccessOptions): Promise<Access> {
  return new Access(options, await loadKeys(options.file));
}

/**
 * Who may do what. A call is let in by a key or by a verified certificate; where it shows a key, the key alone counts,
 * and a wrong one is not made good by a certificate. Then the role is asked for, then the tenant. A caller learns which
 * role it lacks; of a tenant that is not its own it learns nothing, not even whether there is one.
 */
export class Access {
  readonly #options: AccessOptions;
  readonly #calls: OpenCalls;
  #keys: KeyRing;
  #warnings: readonly string[];
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(options: AccessOptions, { entries, warnings }: LoadedKeys) {
    this.#options = options;
    this.#keys = new KeyRing(entries);
    this.#warnings = warnings;
    this.#calls = new OpenCalls(options.clock, expired);
  }

  /** What the operator should hear of the keys file in force. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /**
   * Reads the keys file again. Calls and streams whose key is gone, or may do less, end with `unauthenticated`. Where
   * the file is wrong nothing changes: the old keys stay in force, and the error says why. @throws `invalid_file`
   */
  reload(): Promise<void> {
    const reload = this.#reloading.then(async () => {
      const { entries, warnings } = await loadKeys(this.#options.file);
      const keys = new KeyRing(entries);
      this.#keys = keys;
      this.#warnings = warnings;
      this.#calls.end((entry) => {
        const now = keys.byId(entry.id);
        return now !== undefined && sameAccess(entry, now) ? undefined : revoked(entry);
      });
    });
    this.#reloading = reload.catch(() => undefined);
    return reload;
  }

  /** As whom what is shown would let a call in; undefined: as nobody. Nobody is told of it. */
  identify(credentials: Credentials): Identity | undefined {
    const found = this.#identify(credentials);
    return "entry" in found ? found : undefined;
  }

  /**
   * @param ending ends the call when its key is revoked or expires
   * @param known what `identify` said of the same credentials
   * @throws `unauthenticated`, `permission_denied`
   */
  admit(credentials: Credentials, needs: Needs, ending: Ending, known?: Identity): Caller {
    const { entry, until } = this.authenticate(credentials, known);
    if (!entry.roles.has(needs.role)) {
      throw new UsherError("permission_denied", `key ${quote(entry.id)} has not the role \`${needs.role}\`, which \`${needs.path}\` takes`, { details: { role: needs.role } });
    }
    const tenant = needs.role === "admin" ? undefined : tenantOf(entry, credentials.tenant());
    const release = this.#calls.add(until === undefined ? { entry, ending } : { entry, ending, until });
    return tenant === undefined ? { principal: entry.id, release } : { principal: entry.id, tenant, release };
  }

  /** Who calls, and until when what is shown is good; whoever hears of authentications is told. @throws `unauthenticated` */
  authenticate(credentials: Credentials, known?: Identity): Identity {
    // What was known under keys that are not in force any more says nothing.
    const found = known?.keys === this.#keys ? this.#unlessExpired(known.entry, known.until, known.reason) : this.#identify(credentials);
    this.#options.events?.onAuthentication({ outcome: "entry" in found ? "accepted" : "refused", reason: found.reason, peer: credentials.peer });
    if ("error" in found) throw found.error;
    return found;
  }

  #identify(credentials: Credentials): Identity | Unidentified {
    const { authorization } = credentials;
    if (authorization.length > 0) {
      const text = authorization.length === 1 ? /^Bearer +(\S+)$/i.exec(authorization[0] ?? "")?.[1] : undefined;
      const entry = text === undefined ? "malformed" : this.#keys.byKey(text);
      if (typeof entry === "string") return { reason: entry, error: new UsherError("unauthenticated", "the key is not valid: it is wrong, or was revoked") };
      return this.#unlessExpired(entry, entry.expiresAt, "key");
    }
    const { certificate } = credentials;
    if (certificate === undefined) return { reason: "missing", error: new UsherError("unauthenticated", "the call has no key: send it as `authorization: Bearer usher_…`") };
    const entry = this.#keys.byCertificate(certificateNames(certificate));
    if (entry === undefined) return { reason: "unknown_certificate", error: new UsherError("unauthenticated", "the client's certificate is not in the keys file, and the call has no key") };
    const validTo = Date.parse(certificate.valid_to ?? "");
    return this.#unlessExpired(entry, Math.min(entry.expiresAt ?? Number.POSITIVE_INFINITY, Number.isNaN(validTo) ? 0 : validTo), "certificate");
  }

  #unlessExpired(entry: KeyEntry, until: Instant | undefined, reason: AuthenticationReason): Identity | Unidentified {
    if (until !== undefined && until <= this.#options.clock.now()) return { reason: "expired", error: expired(entry) };
    return { entry, until, reason, keys: this.#keys };
  }
}

/** The same words whether there is such a tenant or not. @throws `permission_denied` */
function tenantOf({ id, tenant }: KeyEntry, named: string | undefined): string | undefined {
  if (tenant === allTenants) return named;
  if (named === undefined || named === tenant) return tenant;
  throw new UsherError("permission_denied", `key ${quote(id)} is not of tenant ${quote(named)}: leave the tenant out, or use a key of it`);
}

function expired({ id }: KeyEntry): UsherError {
  return new UsherError("unauthenticated", `key ${quote(id)}, or its certificate, has expired`);
}

function revoked({ id }: KeyEntry): UsherError {
  return new UsherError("unauthenticated", `key ${quote(id)} was revoked, or may do less than before`);
}
