import { isIPv4 } from "node:net";

import { type ChannelCredentials, credentials } from "@grpc/grpc-js";

import { asError, UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { parseAddress } from "../model/wire/address.js";

/** A PEM text. */
type Pem = string | Buffer;

export interface TlsOptions {
  /** Who vouches for the server; default: the authorities that Node.js knows. */
  readonly ca?: Pem;
  /** The client's own certificate with its key, where the server asks for one. */
  readonly cert?: Pem;
  readonly key?: Pem;
  /** The name that the server's certificate must have; default: the address's host. */
  readonly serverName?: string;
}

export interface SecurityOptions {
  /** `usher_…`. It is sent with each call. */
  readonly key?: string;
  /** `true`: with the authorities that Node.js knows. Default: no TLS. */
  readonly tls?: boolean | TlsOptions;
  /** Lets the key go to another machine without TLS, where something else guards the way, such as a mesh. */
  readonly insecure?: boolean;
}

/** What a channel and its calls need to be let in. */
export interface Security {
  readonly credentials: ChannelCredentials;
  readonly channelOptions: { readonly "grpc.ssl_target_name_override"?: string };
  /** The header `authorization`. */
  readonly authorization: string | undefined;
}

/** @throws `invalid_configuration` */
export function securityOf(address: string, { key, tls = false, insecure = false }: SecurityOptions): Security {
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) throw new UsherError("invalid_configuration", "the key is not one: pass it as `usher key create` printed it");
  const authorization = key === undefined ? undefined : `Bearer ${key}`;
  if (tls === false) {
    if (key !== undefined && !insecure && !isLoopback(parseAddress(address).host)) {
      throw new UsherError("invalid_configuration", `the key would go to ${quote(address)} in the clear: use TLS, or say \`insecure\` where something else guards the way`);
    }
    return { credentials: credentials.createInsecure(), channelOptions: {}, authorization };
  }
  const options = tls === true ? {} : tls;
  return {
    credentials: channelCredentials(options),
    channelOptions: options.serverName === undefined ? {} : { "grpc.ssl_target_name_override": options.serverName },
    authorization,
  };
}

function channelCredentials({ ca, cert, key }: TlsOptions): ChannelCredentials {
  if ((cert === undefined) !== (key === undefined)) throw new UsherError("invalid_configuration", "a client's certificate and its key go together: give both, or neither");
  try {
    return credentials.createSsl(bytes(ca), bytes(key), bytes(cert));
  } catch (cause) {
    throw new UsherError("invalid_configuration", `the certificates cannot be used: ${asError(cause).message}`, { cause });
  }
}

function bytes(pem: Pem | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}

/** By its name alone: looking a host up says where it leads now, and not where it leads when the key is sent. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}
