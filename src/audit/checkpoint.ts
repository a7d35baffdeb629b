import { hash } from "node:crypto";

import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { quote } from "../model/object.js";
import { parsePublicKey, type SigningKey, verifySignature } from "./signing-key.js";
import { hashBytes } from "./tree/merkle.js";

/** What is said of a log: so many records, with this root, at this instant. */
export interface TreeHead {
  /** The log's name, under which its keys sign. */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly at: Instant;
}

/**
 * A tree head that is signed, as C2SP's `tlog-checkpoint` and `signed-note` have it: origin, size, root, one line of extension, which is the instant;
 * an empty line; a line for each signature, which is of everything up to the empty line. Ours is the one that bears the origin as its name:
 *
 *     example.com/usher
 *     20852163
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *     2026-01-02T03:04:05.678Z
 *
 *     — example.com/usher Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+…
 *
 * Others may sign it too, a witness say. They are passed over.
 */
export interface Checkpoint extends TreeHead {
  /** What is signed. */
  readonly body: string;
  readonly signatures: readonly NoteSignature[];
}

interface NoteSignature {
  readonly name: string;
  /** 8 hex digits. */
  readonly keyId: string;
  readonly signature: Buffer;
}

const keyIdBytes = 4;
const ed25519 = 0x01;

/** @throws `invalid_request` for an origin that cannot be the name of a key */
export function checkOrigin(origin: string): void {
  if (origin.length > 0 && !/[\s+\p{Cc}]/u.test(origin) && Buffer.byteLength(origin) <= limits.originBytesMax && origin.isWellFormed()) return;
  throw new UsherError("invalid_request", `${quote(origin)} is no origin: give 1 to ${limits.originBytesMax} bytes without white space and \`+\`, as \`example.com/usher\``);
}

/** @throws `invalid_request` */
export function signCheckpoint(head: TreeHead, key: SigningKey): string {
  checkOrigin(head.origin);
  const body = `${head.origin}\n${head.size}\n${Buffer.from(head.root).toString("base64")}\n${new Date(head.at).toISOString()}\n`;
  const signature = Buffer.concat([Buffer.from(keyIdOf(head.origin, key.publicKey), "hex"), key.sign(Buffer.from(body))]);
  return `${body}\n— ${head.origin} ${signature.toString("base64")}\n`;
}

/** Reads a checkpoint; that it is signed by whom it should be is for `signatureBy` to say. @throws `invalid_request` */
export function parseCheckpoint(text: string): Checkpoint {
  if (Buffer.byteLength(text) > limits.checkpointBytesMax) throw malformed(`it has more than ${limits.checkpointBytesMax} bytes`);
  if (/[^\P{Cc}\n]/u.test(text)) throw malformed("it has control characters, or line ends that are not `\\n`");
  const end = text.lastIndexOf("\n\n");
  if (end === -1 || !text.endsWith("\n")) throw malformed("it has no empty line with signatures behind it, each of which a line feed ends");
  const body = text.slice(0, end + 1);
  const [origin = "", size = "", root = "", at = "", ...more] = body.slice(0, -1).split("\n");
  if (more.length > 0 || at === "") throw malformed("four lines come before the empty one: origin, size, root, instant");
  checkOrigin(origin);
  return { origin, size: parseSize(size), root: parseBase64(root, hashBytes, "root"), at: parseInstant(at), body, signatures: parseSignatures(text.slice(end + 2)) };
}

/**
 * Whether the key has signed it, in the name of its origin. `damaged`: a signature claims to be of this key, and is not of this text.
 * @param publicKey base64 of the 32 bytes
 * @throws `invalid_request` for what is no key
 */
export function signatureBy({ origin, body, signatures }: Checkpoint, publicKey: string): "valid" | "damaged" | "none" {
  parsePublicKey(publicKey);
  const keyId = keyIdOf(origin, publicKey);
  const own = signatures.filter((each) => each.name === origin && each.keyId === keyId);
  if (own.length === 0) return "none";
  return own.every(({ signature }) => verifySignature(publicKey, Buffer.from(body), signature)) ? "valid" : "damaged";
}

/** As `signatureBy`. @throws `invalid_request` for what is no key */
export function isSignedBy(checkpoint: Checkpoint, publicKey: string): boolean {
  return signatureBy(checkpoint, publicKey) === "valid";
}

/** 8 hex digits. */
function keyIdOf(name: string, publicKey: string): string {
  const bytes = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519), Buffer.from(publicKey, "base64")]);
  return hash("sha256", bytes, "hex").slice(0, 2 * keyIdBytes);
}

function parseSignatures(text: string): NoteSignature[] {
  const lines = text.slice(0, -1).split("\n");
  if (lines.length > limits.checkpointSignaturesMax) throw malformed(`it has ${lines.length} signatures: at most ${limits.checkpointSignaturesMax} are read`);
  return lines.map((line) => {
    const [, name, base64] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
    if (name === undefined || base64 === undefined || name.includes("+")) throw malformed(`${quote(line)} is no signature: it is a dash (U+2014), a name and base64`);
    const bytes = parseBase64(base64, undefined, "signature");
    if (bytes.length <= keyIdBytes) throw malformed(`the signature of ${quote(name)} is too short`);
    return { name, keyId: bytes.subarray(0, keyIdBytes).toString("hex"), signature: bytes.subarray(keyIdBytes) };
  });
}

function parseSize(text: string): number {
  const size = Number(text);
  if (!/^(0|[1-9]\d*)$/.test(text) || !Number.isSafeInteger(size)) throw malformed(`${quote(text)} is no size`);
  return size;
}

/** As it is written, and in no other way: one signature holds for one text. */
function parseInstant(text: string): Instant {
  const at = Date.parse(text);
  if (Number.isNaN(at) || new Date(at).toISOString() !== text) throw malformed(`${quote(text)} is no instant such as \`2026-01-02T03:04:05.678Z\``);
  return at;
}

function parseBase64(text: string, length: number | undefined, what: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text || (length !== undefined && bytes.length !== length)) {
    throw malformed(`its ${what} ${quote(text)} is not base64${length === undefined ? "" : ` of ${length} bytes`}`);
  }
  return bytes;
}

function malformed(why: string): UsherError {
  return new UsherError("invalid_request", `the checkpoint cannot be read: ${why}`);
}
