import type { SecureContextOptions } from "node:tls";

import { ServerCredentials } from "@grpc/grpc-js";

/** TLS credentials of a server whose certificate can be replaced while it serves: connections that stand keep the old one. */
export class ReloadableCredentials extends ServerCredentials {
  /** @param clients whether clients must show a certificate that the context's `ca` vouches for */
  constructor(context: SecureContextOptions, clients: boolean) {
    super({ requestCert: clients, rejectUnauthorized: clients, minVersion: "TLSv1.2" }, context);
  }

  replace(context: SecureContextOptions): void {
    this.updateSecureContextOptions(context);
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
