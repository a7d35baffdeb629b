import { ProtoCodec } from "../../../base/proto.js";
import type { StructMessage } from "../../../model/wire/struct.js";

/** The messages of `proto/envoy/`, in the form that protobufjs gives them, as far as they are read. */

export interface CheckRequestMessage {
  readonly attributes: AttributesMessage | null;
}

export interface AttributesMessage {
  readonly source: PeerMessage | null;
  readonly request: { readonly http: HttpRequestMessage | null } | null;
  readonly contextExtensions: Readonly<Record<string, string>>;
  readonly metadataContext: { readonly filterMetadata: Readonly<Record<string, StructMessage>> } | null;
}

export interface PeerMessage {
  readonly address: { readonly socketAddress?: { readonly address: string } | null } | null;
  readonly principal: string;
}

export interface HttpRequestMessage {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly host: string;
  readonly headerMap: { readonly headers: readonly HeaderMessage[] } | null;
}

interface HeaderMessage {
  readonly key: string;
  readonly value: string;
  readonly rawValue: Uint8Array;
}

export interface HeaderOptionMessage {
  readonly header: { readonly key: string; readonly value: string };
  readonly append: { readonly value: boolean };
}

export interface CheckResponseMessage {
  readonly status: { readonly code: number; readonly message: string };
  readonly deniedResponse?: { readonly status: { readonly code: number }; readonly headers: readonly HeaderOptionMessage[]; readonly body: string };
  readonly okResponse?: { readonly headers: readonly HeaderOptionMessage[]; readonly headersToRemove: readonly string[]; readonly responseHeadersToAdd: readonly HeaderOptionMessage[] };
  readonly dynamicMetadata: StructMessage;
}

export const checkRequestCodec = new ProtoCodec<CheckRequestMessage>("envoy.service.auth.v3.CheckRequest");
export const checkResponseCodec = new ProtoCodec<CheckResponseMessage>("envoy.service.auth.v3.CheckResponse");
