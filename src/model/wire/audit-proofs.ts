import type { GetCheckpointRequest, GetCheckpointResponse, ProveDecisionRequest, ProveDecisionResponse } from "../audit.js";
import { readRecord, writeRecord, type RecordMessage } from "./audit.js";
import { compact, required, within } from "./field.js";
import { readLargeNumber, readOptionalLargeNumber, writeLargeNumber, type LargeNumberMessage } from "./large-number.js";

export interface GetCheckpointRequestMessage {
  readonly fromSize?: LargeNumberMessage | null | undefined;
}

export interface ProveDecisionRequestMessage {
  readonly index: LargeNumberMessage;
  readonly size?: LargeNumberMessage | null | undefined;
}

export interface ProveDecisionResponseMessage {
  readonly record?: RecordMessage | null;
  readonly path: readonly string[];
  readonly checkpoint: string;
  readonly key: string;
}

export function writeGetCheckpointRequest({ fromSize }: GetCheckpointRequest): GetCheckpointRequestMessage {
  return { fromSize: fromSize === undefined ? undefined : writeLargeNumber(fromSize, "from_size") };
}

/** @throws `invalid_request` */
export function readGetCheckpointRequest(message: GetCheckpointRequestMessage): GetCheckpointRequest {
  return compact<GetCheckpointRequest>({ fromSize: readOptionalLargeNumber(message, "fromSize", "from_size") });
}

export function readGetCheckpointResponse({ checkpoint, key, consistency }: GetCheckpointResponse): GetCheckpointResponse {
  return { checkpoint, key, consistency };
}

export function writeProveDecisionRequest({ index, size }: ProveDecisionRequest): ProveDecisionRequestMessage {
  return { index: writeLargeNumber(index, "index"), size: size === undefined ? undefined : writeLargeNumber(size, "size") };
}

/** @throws `invalid_request` */
export function readProveDecisionRequest(message: ProveDecisionRequestMessage): ProveDecisionRequest {
  return compact<ProveDecisionRequest>({ index: readLargeNumber(message.index, "index"), size: readOptionalLargeNumber(message, "size", "size") });
}

export function writeProveDecisionResponse({ record, path, checkpoint, key }: ProveDecisionResponse): ProveDecisionResponseMessage {
  return { record: writeRecord(record), path, checkpoint, key };
}

export function readProveDecisionResponse({ record, path, checkpoint, key }: ProveDecisionResponseMessage): ProveDecisionResponse {
  const sent = required(record, "record");
  return { record: within("record", () => readRecord(sent)), path, checkpoint, key };
}
