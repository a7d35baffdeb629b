import { isUtf8 } from "node:buffer";
import { fileURLToPath } from "node:url";

import protobuf from "protobufjs";

import { ShortStrings } from "./short-strings.js";

/**
 * The messages of `proto/`, encoded and decoded by protobufjs itself rather than through
 * `@grpc/proto-loader`: that would copy every message into a plain object once more, and would take
 * bytes that are not UTF-8 for U+FFFD, so that two ids could become one.
 */
export const protoFolder = fileURLToPath(new URL("../../../proto/", import.meta.url));

const ownFiles = [
  "usher/v1/tuple_service.proto",
  "usher/v1/permission_service.proto",
  "usher/v1/schema_service.proto",
  "usher/v1/live_service.proto",
  "usher/v1/decision_log_service.proto",
  "usher/v1/admin_service.proto",
  "google/rpc/status.proto",
  "google/rpc/error_details.proto",
];

/** What SpiceDB's clients speak. */
const authzedFiles = [
  "authzed/api/v1/core.proto",
  "authzed/api/v1/debug.proto",
  "authzed/api/v1/permission_service.proto",
  "authzed/api/v1/schema_service.proto",
  "authzed/api/v1/watch_service.proto",
];

/** What Envoy's filters `ext_authz` speak. */
const envoyFiles = ["envoy/service/auth/v3/external_auth.proto"];

export const protoFiles = [...ownFiles, ...authzedFiles, ...envoyFiles];

const authzedPackage = "authzed.api.v1.";
const envoyPackage = "envoy.";

let ownRoot: protobuf.Root | undefined;
let authzedRoot: protobuf.Root | undefined;
let envoyRoot: protobuf.Root | undefined;

/**
 * Every declared type of ours, or those of the package that the name is of. The files are read once, when the first message is encoded: an embedded
 * database reads none, and whoever meets no client of SpiceDB's does not read theirs.
 */
export function protoRoot(name = ""): protobuf.Root {
  if (name.startsWith(authzedPackage)) return (authzedRoot ??= load(authzedFiles));
  if (name.startsWith(envoyPackage)) return (envoyRoot ??= load(envoyFiles));
  return (ownRoot ??= load(ownFiles));
}

function load(files: readonly string[]): protobuf.Root {
  const loading = new protobuf.Root();
  loading.resolvePath = (_origin, target) => (target.startsWith(protoFolder) ? target : protoFolder + target);
  loading.loadSync([...files]);
  loading.resolveAll();
  return loading;
}

/**
 * One message type between bytes and the form that protobufjs gives it: fields in camel case, a field
 * that was not sent at its proto3 default, or null where it is optional or a message; enums as numbers.
 * `T` describes that form; nothing but the type's own tests holds the two together.
 */
export class ProtoCodec<T extends object> {
  readonly #name: string;
  #type: protobuf.Type | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  encode(message: T): Buffer {
    const writer = new StrictWriter();
    this.#resolved().encode(message, writer);
    return writer.finish() as Buffer;
  }

  /** Throws an Error of any kind where the bytes are not such a message. */
  decode(bytes: Buffer): T {
    return this.#resolved().decode(new StrictReader(bytes)) as unknown as T;
  }

  #resolved(): protobuf.Type {
    return (this.#type ??= protoRoot(this.#name).lookupType(this.#name));
  }
}

/** Refuses what proto3 refuses, and protobufjs lets pass: strings that are not UTF-8 or end beyond their message. */
class StrictReader extends protobuf.BufferReader {
  override string(): string {
    const length = this.uint32();
    const start = this.pos;
    const end = start + length;
    if (end > this.len) throw new RangeError("a string ends beyond its message");
    this.pos = end;
    return shortStrings.read(this.buf, start, end, strictText);
  }
}

const shortStrings = new ShortStrings();

function strictText(bytes: Uint8Array, start: number, end: number): string {
  const text = (bytes as Buffer).toString("utf8", start, end);
  if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end))) throw new Error("a string is not UTF-8");
  return text;
}

/** Refuses a lone surrogate, which would be written as bytes that are no UTF-8. */
class StrictWriter extends protobuf.BufferWriter {
  override string(value: string): protobuf.Writer {
    if (!value.isWellFormed()) throw new Error("a string is not well-formed Unicode");
    return super.string(value);
  }
}
