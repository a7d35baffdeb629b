import { isIPv6 } from "node:net";

import { UsherError } from "../../base/errors.js";
import { quote } from "../object.js";

/** Where a server is, or is to be. */
export interface Address {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:50051`, `localhost:0`, `[::1]:50051`. @throws `invalid_configuration` */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new UsherError("invalid_configuration", `address ${quote(text)} is not one: give a host and a port, as \`127.0.0.1:50051\` or \`[::1]:50051\``);
  }
  return { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
