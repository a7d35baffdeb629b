import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { formatAddress, type Address } from "../model/wire/address.js";

/** What stands between an address and those who can reach it. */
export interface Guards {
  readonly tls: boolean;
  readonly keys: boolean;
  /** The operator's word that something else does. */
  readonly insecure: boolean;
}

/**
 * A server without keys lets everybody do everything, and one without TLS shows its keys to whoever listens on the way: so
 * without both it is bound to this machine alone. A name is looked up, and all that it stands for must be loopback.
 * @throws `invalid_configuration`
 */
export async function requireGuarded(address: Address, { tls, keys, insecure }: Guards): Promise<void> {
  if (insecure || (tls && keys)) return;
  const ips = isIP(address.host) ? [address.host] : await lookUp(address.host);
  const open = ips.find((ip) => !isLoopback(ip));
  if (open === undefined) return;
  throw new UsherError(
    "invalid_configuration",
    `address ${quote(formatAddress(address))} can be reached from other machines (${quote(open)}), and the server has ${tls ? "no keys" : keys ? "no TLS" : "neither TLS nor keys"}: give it both, use \`127.0.0.1\`, or say \`insecure\` where something else guards it`,
  );
}

async function lookUp(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new UsherError("invalid_configuration", `host ${quote(host)} cannot be resolved: use \`127.0.0.1\``, { cause });
  }
}

function isLoopback(ip: string): boolean {
  return ip === "::1" || (isIP(ip) === 4 && ip.startsWith("127."));
}
