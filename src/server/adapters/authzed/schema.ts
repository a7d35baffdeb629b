import { UsherError } from "../../../base/errors.js";
import { Diagnostics } from "../../../model/schema/diagnostics.js";
import { parseSchema } from "../../../model/schema/parser.js";
import { readSource } from "../../../model/schema/source.js";
import type { Call, ReadSchemaRequest, ReadSchemaResponse, Service, WriteSchemaRequest, WriteSchemaResponse } from "../../../model/service.js";
import type { TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";
import { reasonKey } from "./reasons.js";

export const readSchemaRequest = new RequestReader<ReadSchemaRequest, object>("ReadSchemaRequest", () => ({}));

export const readSchemaResponse = new ResponseWriter<ReadSchemaResponse, { readonly schemaText: string; readonly readAt: TokenMessage }>("ReadSchemaResponse", ({ text, zookie }) => ({
  schemaText: text,
  readAt: { token: zookie },
}));

export const writeSchemaRequest = new RequestReader<WriteSchemaRequest, { readonly schema: string }>("WriteSchemaRequest", ({ schema }) => ({ text: schema }));

export const writeSchemaResponse = new ResponseWriter<WriteSchemaResponse, { readonly writtenAt: TokenMessage }>("WriteSchemaResponse", ({ zookie }) => ({ writtenAt: { token: zookie } }));

export async function writeSchema(service: Service, request: WriteSchemaRequest, call: Call): Promise<WriteSchemaResponse> {
  try {
    return await service.writeSchema(request, call);
  } catch (error) {
    throw toldApart(error, request.text);
  }
}

/** What is wrong with a text is told apart as SpiceDB does: it cannot be read, or it does not fit together. */
export function toldApart(error: unknown, text: string): unknown {
  if (!(error instanceof UsherError && error.code === "invalid_schema" && isReadable(text))) return error;
  return new UsherError(error.code, error.message, { details: { ...error.details, [reasonKey]: "ERROR_REASON_SCHEMA_TYPE_ERROR" }, cause: error });
}

/** The text was looked at already, up to its end, by whoever refused it. */
function isReadable(text: string): boolean {
  try {
    const source = readSource(text);
    const diagnostics = new Diagnostics(source);
    parseSchema(source, diagnostics);
    return !diagnostics.hasErrors;
  } catch {
    return false;
  }
}
