import { readFile } from "node:fs/promises";

import { Option, type Command } from "commander";

import { asError, UsherError } from "../base/errors.js";
import type { SecurityOptions, TlsOptions } from "../client/security.js";
import { quote } from "../model/object.js";
import type { Terminal } from "./terminal.js";

/** How a command is let in by a server; `serve` takes its own certificate from the same options. */
export interface SecurityFlags {
  readonly key?: string;
  readonly keyFile?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecure?: boolean;
}

export function addSecurityOptions(program: Command, terminal: Terminal): void {
  const { USHER_KEY } = terminal.environment;
  const key = new Option("--key <key>", "the API key; others on this machine can see it in the list of processes, so rather use the environment's USHER_KEY");
  if (USHER_KEY) key.default(USHER_KEY, "of USHER_KEY");
  program
    .addOption(key)
    .option("--key-file <file>", "a file with the API key")
    .option("--tls", "speak TLS, with the authorities that Node.js knows")
    .option("--tls-ca <file>", "speak TLS; who vouches for the server, in PEM")
    .option("--tls-cert <file>", "speak TLS; the client's own certificate, in PEM; for `serve`, the server's")
    .option("--tls-key <file>", "the private key of --tls-cert, in PEM")
    .option("--insecure", "send the key without TLS; for `serve`, listen on any address without TLS or keys");
}

/** @throws `invalid_configuration` */
export async function securityOptions(flags: SecurityFlags): Promise<SecurityOptions> {
  // A file that is named counts more than what the environment happens to hold.
  const key = flags.keyFile === undefined ? flags.key : (await read(flags.keyFile)).trim();
  const files: TlsOptions = {
    ...(flags.tlsCa === undefined ? {} : { ca: await read(flags.tlsCa) }),
    ...(flags.tlsCert === undefined ? {} : { cert: await read(flags.tlsCert) }),
    ...(flags.tlsKey === undefined ? {} : { key: await read(flags.tlsKey) }),
  };
  const tls = Object.keys(files).length > 0 ? files : (flags.tls ?? false);
  return { ...(key === undefined ? {} : { key }), tls, insecure: flags.insecure ?? false };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new UsherError("invalid_configuration", `file ${quote(path)} cannot be read: ${asError(cause).message}`, { cause });
  }
}
