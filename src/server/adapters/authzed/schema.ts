import type { ReadSchemaRequest, ReadSchemaResponse, WriteSchemaRequest, WriteSchemaResponse } from "../../../model/service.js";
import type { TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";

export const readSchemaRequest = new RequestReader<ReadSchemaRequest, object>("ReadSchemaRequest", () => ({}));

export const readSchemaResponse = new ResponseWriter<ReadSchemaResponse, { readonly schemaText: string; readonly readAt: TokenMessage }>("ReadSchemaResponse", ({ text, zookie }) => ({
  schemaText: text,
  readAt: { token: zookie },
}));

export const writeSchemaRequest = new RequestReader<WriteSchemaRequest, { readonly schema: string }>("WriteSchemaRequest", ({ schema }) => ({ text: schema }));

export const writeSchemaResponse = new ResponseWriter<WriteSchemaResponse, { readonly writtenAt: TokenMessage }>("WriteSchemaResponse", ({ zookie }) => ({ writtenAt: { token: zookie } }));
