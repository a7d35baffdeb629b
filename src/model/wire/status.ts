import { isErrorCode, UsherError, type ErrorDetails } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { ProtoCodec } from "../../base/proto.js";

/** `google.rpc.Status`, with what it says in details packed. */
export interface StatusMessage {
  readonly code: number;
  readonly message: string;
  readonly details: readonly { readonly type_url: string; readonly value: Uint8Array }[];
}

interface ErrorInfoMessage {
  readonly reason: string;
  readonly domain: string;
  readonly metadata: ErrorDetails;
}

/** The trailer that carries a `google.rpc.Status`. */
export const statusDetailsKey = "grpc-status-details-bin";

const statusCodec = new ProtoCodec<StatusMessage>("google.rpc.Status");
const errorInfoCodec = new ProtoCodec<ErrorInfoMessage>("google.rpc.ErrorInfo");
const errorInfoType = "type.googleapis.com/google.rpc.ErrorInfo";
const domain = "usher";

/** Who gives the reason, and which it is, where it is not our code. */
export interface ErrorReason {
  readonly domain: string;
  readonly reason: string;
}

/** An error as the trailers carry it. They are headers, so all of it is bounded: most clients take 8 KiB. */
export function encodeError(error: UsherError, grpcStatus: number, reason?: ErrorReason): { message: string; details: Buffer } {
  const status = statusOf(error, grpcStatus, reason);
  return { message: status.message, details: statusCodec.encode(status) };
}

/** An error as the message that stands for it. */
export function statusOf(error: UsherError, code: number, reason: ErrorReason = { domain, reason: error.code }): StatusMessage {
  const value = errorInfoCodec.encode({ ...reason, metadata: cutDetails(error.details) });
  return { code, message: cut(error.message, limits.errorMessageBytesMax), details: [{ type_url: errorInfoType, value }] };
}

/** The error again; undefined where the bytes are not one of ours. */
export function decodeError(details: Buffer): UsherError | undefined {
  try {
    const status = statusCodec.decode(details);
    const packed = status.details.find((detail) => detail.type_url === errorInfoType);
    if (packed === undefined) return undefined;
    const info = errorInfoCodec.decode(Buffer.from(packed.value));
    if (info.domain !== domain || !isErrorCode(info.reason)) return undefined;
    return new UsherError(info.reason, status.message, { details: Object.fromEntries(Object.entries(info.metadata)) });
  } catch {
    return undefined;
  }
}

/** The entries that fit, in their order; an entry that does not is left out whole, since half a zookie is none. */
function cutDetails(details: ErrorDetails): ErrorDetails {
  let left: number = limits.errorDetailsBytesMax;
  const fitting = Object.entries(details).filter(([key, value]) => {
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
    if (bytes > left || !value.isWellFormed()) return false;
    left -= bytes;
    return true;
  });
  return Object.fromEntries(fitting);
}

/** At most so many bytes of UTF-8, never half a character, with `…` where something is left out. */
function cut(text: string, bytesMax: number): string {
  const wellFormed = text.toWellFormed();
  const { read } = new TextEncoder().encodeInto(wellFormed, new Uint8Array(bytesMax - 3));
  return read === wellFormed.length ? wellFormed : `${wellFormed.slice(0, read)}…`;
}
