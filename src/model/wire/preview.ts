import { isErrorCode, type ErrorCode } from "../../base/errors.js";
import type { PreviewChangeRequest, PreviewChangeResponse, PreviewCheck, PreviewedChange } from "../preview.js";
import { compact, readEach, required, uint32, unlessEmpty } from "./field.js";
import { heldAnswers } from "./live.js";
import { readObject, readSubject, type ObjectMessage, type SubjectMessage } from "./references.js";
import { contextFromStruct, contextToStruct, type StructMessage } from "./struct.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";
import { readOperation, writeOperation, type OperationMessage } from "./tuples.js";

export interface PreviewChangeRequestMessage {
  readonly operations?: readonly OperationMessage[] | undefined;
  readonly schemaText?: string | null | undefined;
  readonly checks?: readonly CheckMessage[] | undefined;
  readonly limit?: number | null | undefined;
}

export interface PreviewChangeResponseMessage {
  readonly zookie: string;
  readonly instant?: TimestampMessage | null;
  readonly changes: readonly ChangeMessage[];
  readonly evaluated: number;
  readonly more: boolean;
}

interface CheckMessage {
  readonly object?: ObjectMessage | null;
  readonly permission: string;
  readonly subject?: SubjectMessage | null;
  readonly context?: StructMessage | null;
}

interface ChangeMessage {
  readonly check?: CheckMessage | null;
  readonly before: number;
  readonly after: number;
  readonly beforeError?: string | null | undefined;
  readonly afterError?: string | null | undefined;
  readonly holds: number;
}

export function writePreviewChangeRequest({ operations = [], schemaText, checks = [], limit }: PreviewChangeRequest): PreviewChangeRequestMessage {
  return {
    operations: unlessEmpty(operations.map(writeOperation)),
    schemaText,
    checks: unlessEmpty(readEach(checks, "checks", writeCheck)),
    limit: limit === undefined ? undefined : uint32(limit, "limit"),
  };
}

/** @throws `invalid_request`, `invalid_name`, `invalid_id`, `invalid_context` */
export function readPreviewChangeRequest({ operations, schemaText, checks, limit }: PreviewChangeRequestMessage): PreviewChangeRequest {
  return compact<PreviewChangeRequest>({
    operations: unlessEmpty(readEach(operations ?? [], "operations", readOperation)),
    schemaText,
    checks: unlessEmpty(readEach(checks ?? [], "checks", readCheck)),
    limit,
  });
}

export function writePreviewChangeResponse({ zookie, instant, changes, evaluated, more }: PreviewChangeResponse): PreviewChangeResponseMessage {
  return { zookie, instant: instantToTimestamp(instant), changes: changes.map(writeChange), evaluated: uint32(evaluated, "evaluated"), more };
}

export function readPreviewChangeResponse({ zookie, instant, changes, evaluated, more }: PreviewChangeResponseMessage): PreviewChangeResponse {
  return { zookie, instant: timestampToInstant(required(instant, "instant"), "instant"), changes: readEach(changes, "changes", readChange), evaluated, more };
}

function writeCheck({ object, permission, subject, context }: PreviewCheck): CheckMessage {
  return { object, permission, subject, ...(context && { context: contextToStruct(context, "context") }) };
}

function readCheck({ object, permission, subject, context }: CheckMessage): PreviewCheck {
  return {
    object: readObject(object, "object"),
    permission,
    subject: readSubject(subject, "subject"),
    ...(context && { context: contextFromStruct(context, "context") }),
  };
}

function writeChange(change: PreviewedChange): ChangeMessage {
  const { before, after, beforeError, afterError, holds } = change;
  return { check: writeCheck(change), before: heldAnswers.toWire(before), after: heldAnswers.toWire(after), beforeError, afterError, holds };
}

function readChange({ check, before, after, beforeError, afterError, holds }: ChangeMessage): PreviewedChange {
  return compact<PreviewedChange>({
    ...readCheck(required(check, "check")),
    before: heldAnswers.fromWire(before, "before"),
    after: heldAnswers.fromWire(after, "after"),
    beforeError: readCode(beforeError),
    afterError: readCode(afterError),
    holds,
  });
}

/** A code that this side does not know yet says that there was an error all the same. */
function readCode(code: string | null | undefined): ErrorCode | undefined {
  if (code === null || code === undefined) return undefined;
  return isErrorCode(code) ? code : "internal";
}
