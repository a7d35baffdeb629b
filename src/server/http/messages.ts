import type { FastifyRequest } from "fastify";

import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { HttpAnswer, HttpRequest } from "./adapter.js";
import { readJson } from "./json-body.js";

/** The body is read as JSON when it is asked for. */
export function requestOf({ raw, body, params }: FastifyRequest): HttpRequest {
  const { url = "" } = raw;
  return {
    get body() {
      return Buffer.isBuffer(body) ? readJson(body) : undefined;
    },
    parameters: params as Readonly<Record<string, string>>,
    query: new URLSearchParams(url.includes("?") ? url.slice(url.indexOf("?") + 1) : ""),
    header: (name) => raw.headersDistinct[name]?.[0],
  };
}

/** An answer's body as it is sent: bytes, since Node.js would write the headers before a text as UTF-8, too. @throws `response_too_large` */
export function bodyBytes({ body }: HttpAnswer): Buffer | undefined {
  if (body === undefined) return undefined;
  const bytes = Buffer.from(JSON.stringify(body));
  if (bytes.length <= limits.messageBytesMax) return bytes;
  throw new UsherError("response_too_large", `the answer has ${bytes.length} bytes, more than ${limits.messageBytesMax}: ask for less at once`);
}
