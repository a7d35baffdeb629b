import { Option, type Command } from "commander";
import { UsherError } from "../../base/errors.js";
import { securityOf, type Security } from "../../client/security.js";
import { quote } from "../../model/object.js";
import { formatAddress, parseAddress } from "../../model/wire/address.js";
import { readText } from "../input.js";
import type { Terminal } from "../terminal.js";

/** Where a SpiceDB is, and what it takes to be let in. */
export interface SpiceDbConnection {
  /** As it is shown and kept: `spicedb://spicedb.internal:50051`. */
  readonly name: string;
  /** `host:port` */
  readonly address: string;
  readonly security: Security;
}

export interface SpiceDbFlags {
  readonly spicedbToken?: string;
  readonly spicedbCa?: string;
  readonly spicedbInsecure?: boolean;
}

const scheme = "spicedb://";

/** Where SpiceDB listens unless it is told otherwise. */
const defaultPort = 50_051;

/** As `zed` has it: TLS unless it is said otherwise. */
export function addSpiceDbOptions(command: Command, { environment: { USHER_SPICEDB_TOKEN } }: Pick<Terminal, "environment">): Command {
  const token = new Option("--spicedb-token <token>", "SpiceDB's preshared key; others on this machine can see it in the list of processes, so rather use the environment's USHER_SPICEDB_TOKEN");
  if (USHER_SPICEDB_TOKEN) token.default(USHER_SPICEDB_TOKEN, "of USHER_SPICEDB_TOKEN");
  return command
    .addOption(token)
    .addOption(new Option("--spicedb-ca <file>", "who vouches for SpiceDB, in PEM (default: the authorities that Node.js knows)").conflicts("spicedbInsecure"))
    .option("--spicedb-insecure", "speak to SpiceDB without TLS; the token goes in the clear");
}

/** @throws `invalid_configuration`, `invalid_file` */
export async function spiceDbConnection(text: string, { spicedbToken: token, spicedbCa, spicedbInsecure = false }: SpiceDbFlags): Promise<SpiceDbConnection> {
  const address = addressOf(text);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw new UsherError("invalid_configuration", "the token of SpiceDB is not one: it has no blanks, and nothing beyond ASCII");
  const tls = spicedbCa === undefined ? !spicedbInsecure : { ca: await readText(spicedbCa) };
  return { name: `${scheme}${address}`, address, security: securityOf(address, { ...(token !== undefined && { key: token }), tls, insecure: spicedbInsecure }) };
}

/** `spicedb://host`, `spicedb://host:50051`, `spicedb://[::1]`: as `host:port`. */
function addressOf(text: string): string {
  const place = text.startsWith(scheme) ? text.slice(scheme.length).replace(/\/$/, "") : "";
  const hasPort = /:\d+$/.test(place.replace(/^\[[^\]]*\]/, ""));
  try {
    return formatAddress(parseAddress(hasPort ? place : `${place}:${defaultPort}`));
  } catch (cause) {
    throw new UsherError("invalid_configuration", `${quote(text)} is not where a SpiceDB is: give \`spicedb://HOST\` or \`spicedb://HOST:PORT\``, { cause });
  }
}
