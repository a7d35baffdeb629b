import { isErrorCode, UsherError } from "../../base/errors.js";
import type { ExportTuplesRequest, ImportProblem, ImportTuplesRequest, ImportTuplesResponse, Metadata } from "../service.js";
import { readConsistency, writeConsistency, type ConsistencyMessage } from "./consistency.js";
import { compact, readEach, uint32 } from "./field.js";
import { readFilter, readTuple, writeFilter, writeTuple, type FilterMessage, type TupleMessage } from "./references.js";
import { readMetadata } from "./tuples.js";

export interface ImportTuplesRequestMessage {
  readonly begin?: ImportBeginMessage | null;
  readonly batch?: { readonly tuples: readonly TupleMessage[]; readonly positions?: readonly number[] | undefined } | null;
}

interface ImportBeginMessage {
  readonly importId?: string | null | undefined;
  readonly schemaZookie?: string | null | undefined;
  readonly metadata?: Metadata | undefined;
  readonly skipProblems?: boolean | undefined;
}

export interface ImportTuplesResponseMessage extends Omit<ImportTuplesResponse, "problems"> {
  readonly problems: readonly { readonly position: number; readonly code: string; readonly message: string }[];
}

export interface ExportTuplesRequestMessage {
  readonly filter?: FilterMessage | null;
  readonly cursor?: string | null | undefined;
  readonly consistency?: ConsistencyMessage | null | undefined;
}

export function writeImportTuplesRequest(request: ImportTuplesRequest): ImportTuplesRequestMessage {
  if (request.kind === "begin") {
    const { importId, schemaZookie, metadata, skipProblems } = request;
    return { begin: { importId, schemaZookie, metadata, skipProblems: skipProblems || undefined } };
  }
  return { batch: { tuples: request.tuples.map(writeTuple), positions: request.positions?.map((position) => uint32(position, "positions")) } };
}

/** @throws `invalid_request` for a message of neither kind, and what is wrong with a tuple */
export function readImportTuplesRequest({ begin, batch }: ImportTuplesRequestMessage): ImportTuplesRequest {
  if (begin) {
    const { importId, schemaZookie, metadata, skipProblems } = begin;
    return compact<ImportTuplesRequest & { kind: "begin" }>({ kind: "begin", importId, schemaZookie, metadata: readMetadata(metadata), skipProblems: skipProblems || undefined });
  }
  if (!batch) throw new UsherError("invalid_request", "a message of an import is neither `begin` nor `batch`");
  const positions = batch.positions ?? [];
  return { kind: "tuples", tuples: readEach(batch.tuples, "tuples", readTuple), ...(positions.length > 0 && { positions: [...positions] }) };
}

export function readImportTuplesResponse(message: ImportTuplesResponseMessage): ImportTuplesResponse {
  const { zookie, imported, changed, chunks, skipped } = message;
  return { zookie, imported, changed, chunks, skipped, problems: message.problems.map(readProblem) };
}

export function writeExportTuplesRequest({ filter, cursor, consistency }: ExportTuplesRequest): ExportTuplesRequestMessage {
  return { filter: writeFilter(filter), cursor, consistency: writeConsistency(consistency) };
}

export function readExportTuplesRequest({ filter, cursor, consistency }: ExportTuplesRequestMessage): ExportTuplesRequest {
  return compact<ExportTuplesRequest>({ filter: filter ? readFilter(filter) : {}, cursor, consistency: readConsistency(consistency) });
}

/** A code that this side does not know yet is told as a bad tuple, its message says the rest. */
function readProblem({ position, code, message }: ImportTuplesResponseMessage["problems"][number]): ImportProblem {
  return { position, code: isErrorCode(code) ? code : "invalid_tuple", message };
}
