import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";

import { Metadata } from "@grpc/grpc-js";

import { UsherError } from "../../base/errors.js";
import { attributionKeys, traceParentKey } from "../../model/wire/attribution.js";
import { tenantKey } from "../../model/wire/tenant.js";
import type { GateCall } from "../access/gate.js";
import { requestIdKey } from "../telemetry/request-id.js";

/** The headers that say who calls, for whom, and in which trace. No other is looked at before the call is let in. */
const headers = ["authorization", tenantKey, attributionKeys.actor, attributionKeys.session, traceParentKey, "tracestate"] as const;

/** What a header bears, as gRPC's metadata has it. */
const visible = /^[ -~]*$/;

/**
 * A request over HTTP, as the gate and the calls behind it know requests: its headers as metadata, where it comes from, and `cancelled`,
 * which it says when its client has gone or its deadline has passed.
 */
export class HttpCall extends EventEmitter implements GateCall {
  readonly metadata = new Metadata();
  readonly #request: IncomingMessage;
  readonly #peer: string;
  readonly #deadline: number;

  /** @param maxMs how long it may take; Infinity: as long as it likes */
  constructor(request: IncomingMessage, response: ServerResponse, maxMs: number) {
    super();
    this.#request = request;
    // A socket that has ended knows it no more.
    const { remoteAddress = "unknown", remotePort = 0 } = request.socket;
    this.#peer = `${remoteAddress}:${remotePort}`;
    this.#deadline = Date.now() + maxMs;
    const [id] = request.headersDistinct[requestIdKey] ?? [];
    if (id !== undefined && visible.test(id)) this.metadata.set(requestIdKey, id);
    const timer = maxMs === Infinity ? undefined : setTimeout(() => this.emit("cancelled"), maxMs).unref();
    response.once("close", () => {
      clearTimeout(timer);
      if (!response.writableFinished) this.emit("cancelled");
    });
  }

  /** Reads who calls. @throws `invalid_request` */
  readHeaders(): void {
    for (const name of headers) {
      for (const value of this.#request.headersDistinct[name] ?? []) {
        if (!visible.test(value)) throw new UsherError("invalid_request", `header \`${name}\` holds more than visible ASCII: encode it`, { details: { field: name } });
        this.metadata.add(name, value);
      }
    }
  }

  getPeer(): string {
    return this.#peer;
  }

  getDeadline(): number {
    return this.#deadline;
  }

  /** The certificate that the client showed, where the server asks for one, which TLS has then verified. */
  getAuthContext(): ReturnType<GateCall["getAuthContext"]> {
    const { socket } = this.#request;
    return socket instanceof TLSSocket && socket.authorized ? { transportSecurityType: "ssl", sslPeerCertificate: socket.getPeerCertificate() } : {};
  }
}
