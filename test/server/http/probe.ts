import { request as send, type IncomingHttpHeaders, type RequestOptions } from "node:http";
import { request as sendTls } from "node:https";

import type { Call } from "../../../src/model/service.js";
import type { HttpAdapter, HttpAnswer } from "../../../src/server/http/adapter.js";

/** What a client sees of one request. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Of JSON. */
  readonly body: unknown;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent as JSON, unless it is bytes. */
  readonly body?: unknown;
  readonly tls?: Pick<RequestOptions & { ca?: string; cert?: string; key?: string }, "ca" | "cert" | "key">;
  readonly signal?: AbortSignal;
}

/** One request on a connection of its own. */
export function ask(address: string, path: string, { method = "POST", headers = {}, body, tls, signal }: Asked = {}): Promise<Answered> {
  const bytes = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const type = bytes === undefined || "content-type" in headers ? {} : { "content-type": "application/json" };
  const [host, port] = address.split(/:(?=\d+$)/);
  const options = { host, port, path, method, headers: { ...type, ...(headers as Record<string, string | string[]>) }, agent: false, ...tls, ...(signal === undefined ? {} : { signal }) };
  return new Promise((resolve, reject) => {
    const sent = (tls === undefined ? send : sendTls)(options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(parts).toString("utf8");
        const json = response.headers["content-type"]?.startsWith("application/json") === true;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: json ? JSON.parse(text) : undefined });
      });
    });
    sent.on("error", reject);
    sent.end(bytes);
  });
}

/** The code of a failure in the host's own form. */
export function codeOf({ body }: Answered): unknown {
  return (body as { error?: { code?: unknown } } | undefined)?.error?.code;
}

/** One route that a test answers. */
export class Probe implements HttpAdapter {
  readonly asked: { readonly body: unknown; readonly call: Call }[] = [];
  handle: (body: unknown, call: Call) => Promise<HttpAnswer> = async (body) => ({ body: { echo: body } });

  register(routes: Parameters<HttpAdapter["register"]>[0]): void {
    const answer = async (body: unknown, call: Call) => {
      this.asked.push({ body, call });
      return this.handle(body, call);
    };
    routes.answer({ method: "POST", url: "/probe/:name", role: "read", callClass: "check", read: ({ body, parameters, query }) => ({ body, ...parameters, query: Object.fromEntries(query) }), answer });
    routes.answer({ method: "POST", url: "/write", role: "write", writes: true, callClass: (body) => (body === "take" ? "revocation" : "write"), read: ({ body }) => body, answer });
    routes.open({ url: "/open", answer: () => ({ body: { url: routes.url } }) });
  }
}
