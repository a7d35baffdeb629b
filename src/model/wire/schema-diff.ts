import type { ParameterChange, SchemaChange } from "../schema/change.js";
import type { DiffSchemaRequest, DiffSchemaResponse } from "../service.js";
import { WireEnum } from "./enum.js";
import { compact, readEach, unlessEmpty } from "./field.js";

export interface DiffSchemaRequestMessage {
  readonly text: string;
  readonly fromText?: string | null;
}

export interface DiffSchemaResponseMessage {
  readonly changes: readonly ChangeMessage[];
  readonly zookie?: string | undefined;
  readonly orphans?: string | undefined;
}

interface ChangeMessage {
  readonly element: number;
  readonly name: string;
  readonly kind: number;
  readonly indirect?: boolean | undefined;
  readonly causes?: readonly string[] | undefined;
  readonly from?: string | null | undefined;
  readonly to?: string | null | undefined;
  readonly allows?: readonly string[] | undefined;
  readonly forbids?: readonly string[] | undefined;
  readonly parameters?: readonly ParameterMessage[] | undefined;
}

interface ParameterMessage {
  readonly name: string;
  readonly from?: string | null;
  readonly to?: string | null;
}

export const schemaElements = new WireEnum("usher.v1.SchemaElement", ["definition", "relation", "permission", "condition"]);

export const schemaChangeKinds = new WireEnum("usher.v1.SchemaChangeKind", [
  "added", "removed", "widened", "narrowed", "changed", "equivalent", "documented",
]);

export function readDiffSchemaRequest({ text, fromText }: DiffSchemaRequestMessage): DiffSchemaRequest {
  return compact<DiffSchemaRequest>({ text, fromText });
}

export function writeDiffSchemaResponse({ changes, zookie, orphans }: DiffSchemaResponse): DiffSchemaResponseMessage {
  return { changes: changes.map(writeChange), zookie, orphans };
}

export function readDiffSchemaResponse(message: DiffSchemaResponseMessage): DiffSchemaResponse {
  const { changes, zookie, orphans } = message;
  return compact<DiffSchemaResponse>({ changes: readEach(changes, "changes", readChange), zookie: zookie || undefined, orphans: orphans || undefined });
}

function writeChange(change: SchemaChange): ChangeMessage {
  return { ...change, element: schemaElements.toWire(change.element), kind: schemaChangeKinds.toWire(change.kind) };
}

function readChange(message: ChangeMessage): SchemaChange {
  const { element, name, kind, indirect, causes, from, to, allows, forbids, parameters } = message;
  return compact<SchemaChange>({
    element: schemaElements.fromWire(element),
    name,
    kind: schemaChangeKinds.fromWire(kind),
    indirect: indirect || undefined,
    causes: unlessEmpty(causes ?? []),
    from,
    to,
    allows: unlessEmpty(allows ?? []),
    forbids: unlessEmpty(forbids ?? []),
    parameters: unlessEmpty(readEach(parameters ?? [], "parameters", readParameter)),
  });
}

function readParameter({ name, from, to }: ParameterMessage): ParameterChange {
  return compact<ParameterChange>({ name, from, to });
}
