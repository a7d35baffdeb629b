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

export const protoFiles = [
  "usher/v1/tuple_service.proto",
  "usher/v1/permission_service.proto",
  "usher/v1/schema_service.proto",
  "usher/v1/live_service.proto",
  "usher/v1/admin_service.proto",
  "google/rpc/status.proto",
  "google/rpc/error_details.proto",
];

let root: protobuf.Root | undefined;

/** Every declared type. The files are read once, when the first message is encoded: an embedded database reads none. */
export function protoRoot(): protobuf.Root {
  if (root === undefined) {
    const loading = new protobuf.Root();
    loading.resolvePath = (_origin, target) => (target.startsWith(protoFolder) ? target : protoFolder + target);
    loading.loadSync(protoFiles);
    loading.resolveAll();
    root = loading;
  }
  return root;
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
    return (this.#type ??= protoRoot().lookupType(this.#name));
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
