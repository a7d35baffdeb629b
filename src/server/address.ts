import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";

export interface Address {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:50051`, `localhost:0`, `[::1]:50051`. @throws `invalid_configuration` */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new UsherError("invalid_configuration", `address ${quote(text)} is not one: give a host and a port, as \`127.0.0.1:50051\` or \`[::1]:50051\``);
  }
  return { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * A server without keys and TLS lets everybody do everything, so it is bound to this machine alone. A
 * name is looked up, and all that it stands for must be loopback.
 * @throws `invalid_configuration`
 */
export async function requireLoopback(address: Address): Promise<void> {
  const ips = isIP(address.host) ? [address.host] : await lookUp(address.host);
  const open = ips.find((ip) => !isLoopback(ip));
  if (open === undefined) return;
  throw new UsherError(
    "invalid_configuration",
    `address ${quote(formatAddress(address))} can be reached from other machines (${quote(open)}), and there are no keys and no TLS yet: use \`127.0.0.1\``,
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
