import type { Metadata, ReadSchemaRequest, ReadSchemaResponse, WriteSchemaRequest, WriteSchemaResponse } from "../service.js";
import { readConsistency, writeConsistency, type ConsistencyMessage } from "./consistency.js";
import { compact } from "./field.js";
import { readMetadata } from "./tuples.js";

export interface ReadSchemaRequestMessage {
  readonly consistency?: ConsistencyMessage | null | undefined;
}

export interface WriteSchemaRequestMessage {
  readonly text: string;
  readonly metadata?: Metadata | undefined;
  readonly validateOnly?: boolean | undefined;
}

export function writeReadSchemaRequest(request: ReadSchemaRequest): ReadSchemaRequestMessage {
  return { consistency: writeConsistency(request.consistency) };
}

export function readReadSchemaRequest(message: ReadSchemaRequestMessage): ReadSchemaRequest {
  return compact<ReadSchemaRequest>({ consistency: readConsistency(message.consistency) });
}

export function readReadSchemaResponse({ text, zookie }: ReadSchemaResponse): ReadSchemaResponse {
  return { text, zookie };
}

export function writeWriteSchemaRequest(request: WriteSchemaRequest): WriteSchemaRequestMessage {
  return { text: request.text, metadata: request.metadata, validateOnly: request.validateOnly || undefined };
}

export function readWriteSchemaRequest(message: WriteSchemaRequestMessage): WriteSchemaRequest {
  const { text, metadata, validateOnly } = message;
  return compact<WriteSchemaRequest>({ text, metadata: readMetadata(metadata), validateOnly: validateOnly || undefined });
}

export function readWriteSchemaResponse({ zookie, changed }: WriteSchemaResponse): WriteSchemaResponse {
  return { zookie, changed };
}
