import type { Mutant } from "./mutant.js";

const server = ["test/server/server.test.js"];
const roundTrip = ["test/server/round-trip.test.js"];
const remote = ["test/client/remote.test.js"];
const zookies = ["test/watch/watches.test.js"];

/** The wire, the server, the client, and what a zookie is good for. */
export const wireMutants: readonly Mutant[] = [
  {
    name: "the server ignores the tenant of a call",
    file: "src/server/incoming.js",
    find: "if (tenant !== undefined)",
    replace: "if (false)",
    suites: roundTrip,
  },
  {
    name: "the client does not name its tenant",
    file: "src/client/remote.js",
    find: "if (call.tenant !== undefined)",
    replace: "if (false)",
    suites: roundTrip,
  },
  {
    name: "the client's deadline does not reach the server",
    file: "src/client/remote.js",
    find: "deadline: Date.now() + this.#deadlineMs",
    replace: "",
    suites: remote,
  },
  {
    name: "a call that its client cancelled goes on",
    file: "src/server/incoming.js",
    find: "if (!this.#released)",
    replace: "if (false)",
    suites: server,
  },
  {
    name: "a decision is sent with the instant of another",
    file: "src/model/wire/plain-decisions.js",
    find: "zookie !== this.#zookie || instant !== this.#instant",
    replace: "zookie !== this.#zookie",
    suites: ["test/model/wire/plain-decisions.test.js"],
  },
  {
    name: "a conditional decision is sent as a plain one",
    file: "src/model/wire/plain-decisions.js",
    find: "missingFields.length > 0 || validForMs",
    replace: "validForMs",
    suites: ["test/model/wire/plain-decisions.test.js"],
  },
  {
    name: "a string of other bytes is taken for one that was read",
    file: "src/base/short-strings.js",
    find: "byte > 0x7f || text.charCodeAt(i) !== byte",
    replace: "byte > 0x7f",
    suites: ["test/base/short-strings.test.js"],
  },
  {
    name: "a check that memory answers is answered to a call that has ended",
    file: "src/database/checks.js",
    find: "throwIfEnded(call);\n    const { consistency, explain",
    replace: "const { consistency, explain",
    suites: ["test/database/checks.test.js"],
  },
  {
    name: "exact consistency arrives as at least as fresh",
    file: "src/model/wire/consistency.js",
    find: 'return { kind: "exact", zookie: message.exact ?? "" };',
    replace: 'return { kind: "atLeast", zookie: message.exact ?? "" };',
    suites: roundTrip,
  },
  {
    name: "an instant is taken for the latest",
    file: "src/model/wire/consistency.js",
    find: 'if (sent[0] === "asOf")',
    replace: "if (false)",
    suites: roundTrip,
  },
  {
    name: "who is acted for is recorded as it was sent",
    file: "src/server/incoming.js",
    find: 'readAttribution(actors, "actor")',
    replace: "String(actors[0])",
    suites: ["test/server/malformed.test.js"],
  },
  {
    name: "a conditional decision is a yes",
    file: "src/client/usher.js",
    find: "return decision.allowed === true && decision.missingFields.length === 0;",
    replace: "return decision.allowed === true || decision.missingFields.length > 0;",
    suites: ["test/client/usher.test.js"],
  },
  {
    name: "a zookie of another tenant is taken",
    file: "src/storage/resolve-zookie.js",
    find: "if (parts.tenant !== tenant) {",
    replace: "if (false) {",
    suites: zookies,
  },
  {
    name: "a zookie of another store is taken",
    file: "src/storage/resolve-zookie.js",
    find: "if (parts.store === identity.store)",
    replace: "if (true)",
    suites: zookies,
  },
  {
    name: "a zookie of a lost timeline is taken",
    file: "src/storage/resolve-zookie.js",
    find: "return at >= 0 && ancestors.slice(at).every(({ fork }) => revision <= fork);",
    replace: "return true;",
    suites: zookies,
  },
  {
    name: "a zookie above the fork of its timeline is taken",
    file: "src/storage/resolve-zookie.js",
    find: "every(({ fork }) => revision <= fork)",
    replace: "every(({ fork }) => revision <= fork + 1)",
    suites: ["test/storage/resolve-zookie.test.js"],
  },
  {
    name: "a zookie that is ahead of the store is taken",
    file: "src/storage/resolve-zookie.js",
    find: "if (revision > store.head.revision) {",
    replace: "if (false) {",
    suites: [...zookies, "test/interleavings/database.test.js"],
  },
];
