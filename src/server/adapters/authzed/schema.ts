import type { Call, ReadSchemaRequest, ReadSchemaResponse, Service, WriteSchemaRequest, WriteSchemaResponse } from "../../../model/service.js";
import type { TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";

export const readSchemaRequest = new RequestReader<ReadSchemaRequest, object>("ReadSchemaRequest", () => ({}));

export const readSchemaResponse = new ResponseWriter<ReadSchemaResponse, { readonly schemaText: string; readonly readAt: TokenMessage }>("ReadSchemaResponse", ({ text, zookie }) => ({
  schemaText: text,
  readAt: { token: zookie },
}));

export const writeSchemaRequest = new RequestReader<WriteSchemaRequest, { readonly schema: string }>("WriteSchemaRequest", ({ schema }) => ({ text: schema }));

export const writeSchemaResponse = new ResponseWriter<WriteSchemaResponse, { readonly writtenAt: TokenMessage }>("WriteSchemaResponse", ({ zookie }) => ({ writtenAt: { token: zookie } }));

/**
 * The schema in force at head, with the token of head: clients take it as "now", and export or watch from there. That of the commit which wrote the
 * schema may be older than the horizon.
 */
export async function readSchemaAtHead(service: Pick<Service, "readSchema" | "readTuples">, call: Call): Promise<ReadSchemaResponse> {
  const { zookie } = await service.readTuples({ filter: {}, pageSize: 1 }, call);
  const { text } = await service.readSchema({ consistency: { kind: "exact", zookie } }, call);
  return { text, zookie };
}
