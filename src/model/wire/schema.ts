import type { Metadata, ReadSchemaRequest, ReadSchemaResponse, WriteSchemaRequest, WriteSchemaResponse } from "../service.js";
import { readConsistency, writeConsistency, type ConsistencyMessage } from "./consistency.js";
import { readEnforcement, writeAwaited, type AwaitedMessage } from "./enforcement.js";
import { compact } from "./field.js";
import { readMetadata } from "./tuples.js";

export interface ReadSchemaRequestMessage {
  readonly consistency?: ConsistencyMessage | null | undefined;
}

export interface WriteSchemaRequestMessage extends AwaitedMessage {
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
  return { text: request.text, metadata: request.metadata, validateOnly: request.validateOnly || undefined, ...writeAwaited(request) };
}

export function readWriteSchemaRequest(message: WriteSchemaRequestMessage): WriteSchemaRequest {
  const { text, metadata, validateOnly, awaitEnforcementMs } = message;
  return compact<WriteSchemaRequest>({ text, metadata: readMetadata(metadata), validateOnly: validateOnly || undefined, awaitEnforcementMs });
}

export function readWriteSchemaResponse(message: WriteSchemaResponse): WriteSchemaResponse {
  const { zookie, changed } = message;
  return { zookie, changed, ...readEnforcement(message) };
}
