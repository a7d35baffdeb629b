import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { limits } from "../../../src/base/limits.js";
import { certificateNames } from "../../../src/server/access/certificate-names.js";
import { createKey, hashKey, isKey, isKeyId, keyIdOf } from "../../../src/server/access/key.js";
import type { KeyEntry } from "../../../src/server/access/key-entry.js";
import { KeyRing } from "../../../src/server/access/key-ring.js";
import { addKey, loadKeys, removeKey } from "../../../src/server/access/keys-file.js";
import { parseKeys } from "../../../src/server/access/keys-text.js";
import { has } from "./has.js";

const zeros = (count: number) => new Uint8Array(count);
const hash = `sha256:${"0".repeat(64)}`;

function entry(id: string, key: string): KeyEntry {
  return { id, proof: { kind: "key", hash: hashKey(key) }, tenant: "default", roles: new Set(["read"]) };
}

describe("a key", () => {
  it("names its id, and is known by its hash alone", () => {
    const key = createKey("billing-1", zeros);
    assert.equal(key, `usher_billing-1_${"A".repeat(43)}`);
    assert.equal(keyIdOf(key), "billing-1");
    assert.ok(isKey(key, hashKey(key)));
    assert.ok(!isKey(`${key.slice(0, -1)}B`, hashKey(key)), "also where base64url would decode to the same bytes");
  });

  it("is read whatever its id and its secret", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/), fc.uint8Array({ minLength: 32, maxLength: 32 }), (id, secret) => {
        assert.ok(isKeyId(id));
        assert.equal(keyIdOf(createKey(id, () => secret)), id);
      }),
    );
  });

  it("is not any other text", () => {
    const long = "a".repeat(limits.keyIdBytesMax + 1);
    for (const text of ["", "usher_", "usher_a_", `usher__${"A".repeat(43)}`, `usher_a_b_${"A".repeat(43)}x`, `usher_a_${"A".repeat(42)}`, `Usher_a_${"A".repeat(43)}`, `usher_a_${"A".repeat(42)}=`, createKey(long, zeros)]) {
      assert.equal(keyIdOf(text), undefined, text);
    }
  });
});

describe("a ring of keys", () => {
  const [ana, bo] = [createKey("ana", zeros), createKey("bo", () => new Uint8Array(32).fill(7))];
  const ring = new KeyRing([entry("ana", ana), entry("bo", bo), { ...entry("cert", ""), proof: { kind: "certificate", name: "URI:spiffe://a/b" } }]);

  it("finds whose key it is, and says why it is nobody's", () => {
    assert.equal((ring.byKey(ana) as KeyEntry).id, "ana");
    assert.equal(ring.byKey(ana.replace("ana", "bo")), "wrong_secret");
    assert.equal(ring.byKey(createKey("eve", zeros)), "unknown_key");
    assert.equal(ring.byKey(createKey("cert", zeros)), "unknown_key");
    assert.equal(ring.byKey("hunter2"), "malformed");
  });

  it("finds a certificate by any of its names, in their order, and no key by one", () => {
    assert.equal(ring.byCertificate(["DNS:x", "URI:spiffe://a/b"])?.id, "cert");
    assert.equal(ring.byCertificate(["URI:spiffe://a/b/", "CN=ana", "ana"]), undefined);
  });
});

describe("a certificate's names", () => {
  it("are its alternative names and its common name", () => {
    assert.deepEqual(certificateNames({ subject: { CN: "billing" }, subjectaltname: "DNS:a.example, URI:spiffe://x/y, IP Address:127.0.0.1, email:a@b" }), [
      "DNS:a.example", "URI:spiffe://x/y", "IP Address:127.0.0.1", "email:a@b", "CN=billing",
    ]);
  });

  it("are none that only look so in print", () => {
    assert.deepEqual(certificateNames({ subjectaltname: 'DNS:"a, URI:spiffe://x/y", DNS:b' }), ["DNS:b"]);
    assert.deepEqual(certificateNames({ subjectaltname: 'DNS:"a, URI:spiffe://x/y' }), []);
    assert.deepEqual(certificateNames({ subject: { CN: ["a", "b"] } }), []);
    assert.deepEqual(certificateNames({}), []);
  });
});

describe("a keys file", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-keys-"));
    file = join(folder, "keys.yaml");
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is read with all its fields", () => {
    const text = `# who may do what\nkeys:\n  - {id: a-1, hash: "${hash}", tenant: billing, roles: [read, write], expires: 2027-01-01T00:00:00Z, note: x}\n  - {id: b, certificate: "URI:spiffe://x/y", tenant: "*", roles: [admin]}\n`;
    const [a, b] = parseKeys(text, "f");
    assert.deepEqual(a, { id: "a-1", proof: { kind: "key", hash: Buffer.alloc(32) }, tenant: "billing", roles: new Set(["read", "write"]), expiresAt: Date.UTC(2027, 0), note: "x" });
    assert.deepEqual(b, { id: "b", proof: { kind: "certificate", name: "URI:spiffe://x/y" }, tenant: "*", roles: new Set(["admin"]) });
    assert.deepEqual(parseKeys("keys: []", "f"), []);
  });

  const bad: [what: string, entry: string, words: RegExp][] = [
    ["an unknown field", `{id: k, hash: "${hash}", tenant: a, roles: [read], role: [admin]}`, /`k`.*role/],
    ["an unknown role", `{id: k, hash: "${hash}", tenant: a, roles: [root]}`, /`k`.*roles/],
    ["no role", `{id: k, hash: "${hash}", tenant: a, roles: []}`, /`k`.*roles/],
    ["a role twice", `{id: k, hash: "${hash}", tenant: a, roles: [read, read]}`, /`k`.*once/],
    ["no tenant", `{id: k, hash: "${hash}", roles: [read]}`, /`k`.*tenant/],
    ["a tenant that cannot be one", `{id: k, hash: "${hash}", tenant: "a b", roles: [read]}`, /`k`.*tenant/],
    ["admin of one tenant", `{id: k, hash: "${hash}", tenant: a, roles: [admin]}`, /`k`.*admin/],
    ["neither hash nor certificate", `{id: k, tenant: a, roles: [read]}`, /`k`.*either/],
    ["both hash and certificate", `{id: k, hash: "${hash}", certificate: "CN=a", tenant: a, roles: [read]}`, /`k`.*either/],
    ["a key in place of its hash", `{id: k, hash: "${createKey("k", zeros)}", tenant: a, roles: [read]}`, /`k`.*hash/],
    ["a hash of another kind", `{id: k, hash: "sha1:00", tenant: a, roles: [read]}`, /`k`.*hash/],
    ["an empty name of a certificate", `{id: k, certificate: "CN=", tenant: a, roles: [read]}`, /`k`.*certificate/],
    ["a day in place of an instant", `{id: k, hash: "${hash}", tenant: a, roles: [read], expires: 2027-01-01}`, /`k`.*expires/],
    ["an id that is a number", `{id: 7, hash: "${hash}", tenant: a, roles: [read]}`, /key number 1.*id/],
    ["an id with an underscore", `{id: a_b, hash: "${hash}", tenant: a, roles: [read]}`, /`a_b`.*id/],
    ["something else", "7", /key number 1/],
  ];
  for (const [what, text, words] of bad) {
    it(`is refused, the key named, for ${what}`, () => assert.throws(() => parseKeys(`keys:\n  - ${text}\n`, "f"), has("invalid_file", words)));
  }

  it("is refused where it is no such file at all", () => {
    const twice = `{id: k, hash: "${hash}", tenant: a, roles: [read]}`;
    assert.throws(() => parseKeys(`keys: [${twice}, ${twice}]`, "f"), has("invalid_file", /`k` is given twice/));
    const named = (id: string) => `{id: ${id}, certificate: "CN=x", tenant: a, roles: [read]}`;
    assert.throws(() => parseKeys(`keys: [${named("a")}, ${named("b")}]`, "f"), has("invalid_file", /`CN=x` is given twice/));
    for (const text of ["", "keys", "keys: {}", "keys: []\nmore: 1", "keys: [", "keys: []\nkeys: []"]) assert.throws(() => parseKeys(text, "f"), has("invalid_file"), text);
  });

  it("is refused with an alias, be there one or more than memory holds, and never quoted", () => {
    const secret = createKey("k", zeros);
    const bomb = `a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a]\nkeys: [*b, *b, *b, *b, *b, *b]`;
    for (const text of [bomb, "keys: &a [*a]", `keys: [*${secret}]`, `keys:\n  - id: &x k\n    hash: "${hash}"\n    tenant: *x\n    roles: [read]`]) {
      assert.throws(() => parseKeys(text, "f"), has("invalid_file", /alias: write out/), text);
    }
    for (const text of [`keys:\n  - ${secret}: ${secret}: x`, `keys: "${secret}" ${secret}`, `keys: |${secret}`]) {
      assert.throws(() => parseKeys(text, "f"), (error) => has("invalid_file", /line \d/)(error) && !String(error).includes(secret));
    }
  });

  it("is refused where it is no file that ends, and does not hold up its reader", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", ["-m", "600", pipe]);
    await assert.rejects(loadKeys(pipe), has("invalid_file", /no regular file/));
    await assert.rejects(loadKeys(folder), has("invalid_file", /no regular file/));
    await assert.rejects(loadKeys("/dev/zero"), has("invalid_file", /no regular file/));
  });

  it("never fails without a code, whatever stands in it, and is not read in part", () => {
    const good = `keys:\n  - {id: a-1, hash: "${hash}", tenant: billing, roles: [read], expires: 2027-01-01T00:00:00Z}\n  - {id: b, certificate: "CN=b", tenant: "*", roles: [admin]}\n`;
    const damaged = fc.tuple(fc.nat(good.length), fc.nat(20), fc.string({ unit: fc.constantFrom(..."ab-:[]{}&*!|>\"'#, \n%0\ud800"), maxLength: 8 })).map(([at, cut, put]) => good.slice(0, at) + put + good.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ maxLength: 80 })), (text) => {
        try {
          for (const { id, tenant, roles, proof, expiresAt } of parseKeys(text, "f")) {
            assert.ok(isKeyId(id) && tenant !== "" && roles.size > 0 && (proof.kind === "certificate" || proof.hash.length === 32));
            assert.ok(expiresAt === undefined || Number.isFinite(expiresAt), "an expiry that is no instant would never come");
          }
        } catch (error) {
          has("invalid_file")(error);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("is written entry by entry, with its comments, its mode and its link kept", async () => {
    await addKey(file, entry("a", "x"));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    writeFileSync(file, readFileSync(file, "utf8").replace("keys:", "# mine\nkeys:"));
    const link = join(folder, "link.yaml");
    symlinkSync(file, link);
    await addKey(link, { ...entry("b", "y"), note: "why", expiresAt: Date.UTC(2030, 0) });
    await removeKey(link, "a");
    assert.match(readFileSync(file, "utf8"), /^# mine/);
    const { entries, warnings } = await loadKeys(link);
    assert.deepEqual(entries, [{ ...entry("b", "y"), note: "why", expiresAt: Date.UTC(2030, 0) }]);
    assert.deepEqual(warnings, []);
    assert.ok(!existsSync(`${file}.new`));
  });

  it("takes no id twice, loses none it has not, and is not touched by an edit that fails", async () => {
    await addKey(file, entry("a", "x"));
    const before = readFileSync(file, "utf8");
    await assert.rejects(addKey(file, entry("a", "y")), has("invalid_request", /`a`/));
    await assert.rejects(removeKey(file, "b"), has("invalid_request", /`b`/));
    await assert.rejects(addKey(file, { ...entry("c", "y"), roles: new Set(["admin"]) }), has("invalid_file", /`c`.*admin/));
    await assert.rejects(removeKey(join(folder, "none.yaml"), "a"), has("invalid_file"));
    assert.equal(readFileSync(file, "utf8"), before);
    assert.ok(!existsSync(`${file}.new`));
  });

  it("keeps edits at the same time apart", async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => addKey(file, entry(`k${i}`, String(i)))));
    const done = results.filter(({ status }) => status === "fulfilled").length;
    assert.equal((await loadKeys(file)).entries.length, done);
    for (const each of results) if (each.status === "rejected") has("invalid_file", /no other `usher key`/)(each.reason);
  });

  it("is refused where others may write it, and warned of where they may read it", async () => {
    await addKey(file, entry("a", "x"));
    for (const mode of [0o620, 0o602]) {
      chmodSync(file, mode);
      await assert.rejects(loadKeys(file), has("invalid_file", /written by others/));
    }
    chmodSync(file, 0o644);
    const { entries, warnings } = await loadKeys(file);
    assert.equal(entries.length, 1);
    assert.match(warnings.join(), /read by others.*0644/);
  });

  it("is bounded in keys", () => {
    const text = (count: number) => `keys:\n${Array.from({ length: count }, (_, i) => `  - {id: k${i}, hash: "${hash}", tenant: a, roles: [read]}\n`).join("")}`;
    assert.throws(() => parseKeys(text(limits.keysMax + 1), "f"), has("invalid_file", /keys/));
  });
});
