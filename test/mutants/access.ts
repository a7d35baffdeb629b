import type { Mutant } from "./mutant.js";

const access = "src/server/access/access.js";
const guarded = ["test/server/access/access.test.js"];
const isolation = ["test/server/access/isolation.test.js"];
const keys = ["test/server/access/keys.test.js"];
const tls = ["test/server/access/tls.test.js"];
const doors = ["test/server/access/doors.test.js"];
const door = ["test/server/door.test.js"];
const admission = ["test/server/admission.test.js"];

/** Who is let in, as what, for how long, and what those outside can make the server do. */
export const accessMutants: readonly Mutant[] = [
  {
    name: "a key of any secret is right",
    file: "src/server/access/key-ring.js",
    find: 'return right ? entry : "wrong_secret";',
    replace: "return entry;",
    suites: guarded,
  },
  {
    name: "no role is asked for",
    file: access,
    find: "if (!entry.roles.has(needs.role))",
    replace: "if (false)",
    suites: guarded,
  },
  {
    name: "a key is of whatever tenant its call names",
    file: access,
    find: "if (tenant === allTenants)",
    replace: "if (named !== undefined)",
    suites: isolation,
  },
  {
    name: "the refusal of a tenant says that there is none",
    file: access,
    find: "throw new UsherError(\"permission_denied\", `key ${quote(id)} is not of tenant ${quote(named)}: leave the tenant out, or use a key of it`);",
    replace: "throw new UsherError(\"tenant_unknown\", `there is no tenant ${quote(named)}`);",
    suites: guarded,
  },
  {
    name: "an expired key is let in",
    file: access,
    find: "if (until !== undefined && until <= this.#options.clock.now())",
    replace: "if (false)",
    suites: guarded,
  },
  {
    name: "who was known at the door is let in, though the keys are others",
    file: access,
    find: "known?.keys === this.#keys",
    replace: "known !== undefined",
    suites: guarded,
  },
  {
    name: "a stream outlives its key's expiry",
    file: "src/server/access/open-calls.js",
    find: "call.ending.abort(this.#expired(call.entry));",
    replace: ";",
    suites: guarded,
  },
  {
    name: "a stream outlives its revoked key",
    file: access,
    find: "return now !== undefined && sameAccess(entry, now) ? undefined : revoked(entry);",
    replace: "return undefined;",
    suites: guarded,
  },
  {
    name: "a stream outlives the role of its key",
    file: "src/server/access/key-entry.js",
    find: "[...a.roles].every((role) => b.roles.has(role))",
    replace: "true",
    suites: guarded,
  },
  {
    name: "a broken keys file takes the keys away",
    file: access,
    find: "const { entries, warnings } = await loadKeys(this.#options.file);",
    replace: "const { entries, warnings } = await loadKeys(this.#options.file).catch(() => ({ entries: [], warnings: [] }));",
    suites: guarded,
  },
  {
    name: "a keys file that others may write is taken",
    file: "src/server/access/keys-file.js",
    find: "if (mode & 0o022)",
    replace: "if (false)",
    suites: keys,
  },
  {
    name: "an id may be given twice",
    file: "src/server/access/keys-text.js",
    find: "if (seen.has(name))",
    replace: "if (false)",
    suites: keys,
  },
  {
    name: "the request of a caller without a key is read",
    file: "src/server/door.js",
    find: "else if (!this.#doorway.reception.gate.knows(this))",
    replace: "else if (false)",
    suites: door,
  },
  {
    name: "requests about the health are held without bound",
    file: "src/server/door.js",
    find: "if (unread.size <= limits.healthUnreadMax)",
    replace: "if (true)",
    suites: door,
  },
  {
    name: "failures are not slowed",
    file: "src/server/access/slowdown.js",
    find: "return Math.min(limits.failureDelayMsMin * 2 ** peer.waited++, limits.failureDelayMsMax);",
    replace: "return 0;",
    suites: doors,
  },
  {
    name: "no rate of a tenant is held",
    file: "src/server/access/rates.js",
    find: "if (bucket.tokens < 1 && !revokes)",
    replace: "if (false)",
    suites: guarded,
  },
  {
    name: "a revocation is refused for its tenant's rate",
    file: "src/server/access/rates.js",
    find: "if (bucket.tokens < 1 && !revokes)",
    replace: "if (bucket.tokens < 1)",
    suites: guarded,
  },
  {
    name: "revocations are shed",
    file: "src/server/admission.js",
    find: "revocation: { share: Infinity, delays: Infinity }",
    replace: "revocation: { share: 1, delays: 4 }",
    suites: admission,
  },
  {
    name: "TLS alone opens the server to other machines",
    file: "src/server/address.js",
    find: "if (insecure || (tls && keys))",
    replace: "if (insecure || tls)",
    suites: tls,
  },
  {
    name: "the client sends its key in the clear",
    file: "src/client/security.js",
    find: "!insecure && !isLoopback(parseAddress(address).host)",
    replace: "false",
    suites: tls,
  },
  {
    name: "the log says what was asked",
    file: "src/server/telemetry/log.js",
    find: 'logger.isLevelEnabled("debug") && thrown instanceof Error',
    replace: "thrown instanceof Error",
    suites: ["test/server/telemetry/log.test.js"],
  },
  {
    name: "the configuration shows its secrets",
    file: "src/server/configuration/sources.js",
    find: 'return factsOf(key).secret === true ? "(secret)" : text;',
    replace: "return text;",
    suites: ["test/server/configuration/configuration.test.js"],
  },
];
