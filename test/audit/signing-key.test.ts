import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { openSigningKey, parsePublicKey, verifySignature } from "../../src/audit/signing-key.js";
import { limits } from "../../src/base/limits.js";
import { inFolder } from "../support/folder.js";

describe("the signing key", () => {
  it("is made at first use, for its owner alone, and is the same from then on", () =>
    inFolder(async (folder) => {
      const file = join(folder, "key.pem");
      const made = await openSigningKey(file);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.deepEqual(await readdir(folder), ["key.pem"]);
      assert.match(await readFile(file, "utf8"), /^-----BEGIN PRIVATE KEY-----\n/);
      assert.equal(Buffer.from(made.publicKey, "base64").length, 32);
      assert.equal((await openSigningKey(file)).publicKey, made.publicKey);
    }));

  it("signs so that the public key alone verifies", () =>
    inFolder(async (folder) => {
      const key = await openSigningKey(join(folder, "key.pem"));
      const other = await openSigningKey(join(folder, "other.pem"));
      const bytes = Buffer.from("bytes");
      assert.ok(verifySignature(key.publicKey, bytes, key.sign(bytes)));
      assert.ok(!verifySignature(other.publicKey, bytes, key.sign(bytes)));
      assert.ok(!verifySignature(key.publicKey, Buffer.from("others"), key.sign(bytes)));
      assert.ok(!verifySignature(key.publicKey, bytes, Buffer.alloc(3)));
    }));

  it("is not replaced where the file is something else", () =>
    inFolder(async (folder) => {
      const file = join(folder, "key.pem");
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      for (const text of ["", "no key", privateKey.export({ type: "pkcs8", format: "pem" }) as string]) {
        await writeFile(file, text);
        await assert.rejects(openSigningKey(file), { code: "invalid_file", message: /is no Ed25519 private key in PEM/ });
        assert.equal(await readFile(file, "utf8"), text);
      }
    }));

  it("is read up to the bound, and nothing beyond", () =>
    inFolder(async (folder) => {
      const file = join(folder, "key.pem");
      const { publicKey } = await openSigningKey(file);
      const pem = await readFile(file, "utf8");
      await writeFile(file, pem.padEnd(limits.signingKeyFileBytesMax, "\n"));
      assert.equal((await openSigningKey(file)).publicKey, publicKey);
      await writeFile(file, pem.padEnd(limits.signingKeyFileBytesMax + 1, "\n"));
      await assert.rejects(openSigningKey(file), { code: "invalid_file", message: /has 4097 bytes/ });
    }));

  it("is an error where it can be neither read nor made", () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, "key.pem"));
      await assert.rejects(openSigningKey(join(folder, "key.pem")), { code: "invalid_file" });
      await assert.rejects(openSigningKey(join(folder, "nowhere", "key.pem")), { code: "invalid_file" });
      await chmod(folder, 0o700);
    }));

  it("has a public key of 32 bytes in base64, and in no other form", () => {
    for (const text of ["", "AAAA", Buffer.alloc(31).toString("base64"), Buffer.alloc(33).toString("base64"), Buffer.alloc(32).toString("hex"), `${Buffer.alloc(32).toString("base64")}\n`]) {
      assert.throws(() => parsePublicKey(text), { code: "invalid_request", message: /is no public key/ });
    }
  });
});
