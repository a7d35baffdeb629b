import { Client, credentials, Metadata } from "@grpc/grpc-js";

import { limits } from "../../src/base/limits.js";

/**
 * One connection that sends messages encoded beforehand and does not look into the answers, so that the client costs as
 * little as it can: where both share two cores, a busy client hides what the server costs.
 */
export class Caller {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), { "grpc.enable_http_proxy": 0, "grpc.service_config_disable_resolution": 1 });
  }

  /** With a deadline, as the client of Usher sets one. */
  call(path: string, request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + limits.callMsDefault;
      this.#client.makeUnaryRequest(path, asIs, asIs, request, this.#metadata, { deadline }, (error, answer) => {
        if (error !== null) reject(error);
        else resolve(answer ?? Buffer.alloc(0));
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
