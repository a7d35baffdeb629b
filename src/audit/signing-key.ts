import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";

import { asError, UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { writeWholeFile } from "../base/whole-file.js";
import { quote } from "../model/object.js";

/** Signs checkpoints: an Ed25519 key (RFC 8032). Whoever has its file can write another log in this one's name. */
export interface SigningKey {
  /** Base64 of the 32 bytes. */
  readonly publicKey: string;
  sign(bytes: Uint8Array): Buffer;
}

const publicKeyBytes = 32;

/**
 * The key in the file, PKCS#8 as PEM. Where there is no file a key is made, which is on the disk under its name, for its owner alone (mode 0600), when
 * this resolves.
 * @throws `invalid_file` where the file is something else, or cannot be read or made
 */
export async function openSigningKey(file: string): Promise<SigningKey> {
  const text = await readKeyFile(file);
  if (text !== undefined) return signingKey(parsePrivateKey(text, file));
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  await writeWholeFile(file, chunksOf(pem));
  return signingKey(privateKey);
}

/** Whether the key has signed the bytes. @param publicKey as `parsePublicKey` takes it */
export function verifySignature(publicKey: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, bytes, parsePublicKey(publicKey), signature);
}

/** @throws `invalid_request` for what is not base64 of 32 bytes */
export function parsePublicKey(text: string): KeyObject {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== publicKeyBytes || bytes.toString("base64") !== text) {
    throw new UsherError("invalid_request", `${quote(text)} is no public key: give the base64 of the ${publicKeyBytes} bytes of an Ed25519 key, which ends in \`=\``);
  }
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") }, format: "jwk" });
}

export function isPublicKey(text: string): boolean {
  try {
    parsePublicKey(text);
    return true;
  } catch {
    return false;
  }
}

function signingKey(privateKey: KeyObject): SigningKey {
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return {
    publicKey: Buffer.from(x!, "base64url").toString("base64"),
    sign: (bytes) => sign(null, bytes, privateKey),
  };
}

function parsePrivateKey(text: string, file: string): KeyObject {
  let key: KeyObject | undefined;
  let why = "it holds another kind of key";
  try {
    key = createPrivateKey({ key: text, format: "pem" });
  } catch (error) {
    why = asError(error).message;
  }
  if (key?.asymmetricKeyType !== "ed25519") {
    throw new UsherError("invalid_file", `signing key ${quote(file)} is no Ed25519 private key in PEM: ${why}: bring back the key that signed this log, or move the file away to begin with another`, { details: { file } });
  }
  return key;
}

/** Undefined where there is no such file. */
async function readKeyFile(file: string): Promise<string | undefined> {
  // A pipe without a writer would hold up the reading for ever.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadable(file, error);
  });
  try {
    const stats = await handle?.stat();
    if (handle === undefined || stats === undefined) return undefined;
    if (!stats.isFile()) throw new Error("it is no regular file");
    if (stats.size > limits.signingKeyFileBytesMax) throw new Error(`it has ${stats.size} bytes, and a key at most ${limits.signingKeyFileBytesMax}`);
    return await handle.readFile("utf8");
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    await handle?.close();
  }
}

function unreadable(file: string, cause: unknown): UsherError {
  return new UsherError("invalid_file", `signing key ${quote(file)} cannot be read: ${asError(cause).message}`, { details: { file }, cause });
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
