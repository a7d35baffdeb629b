import { randomBytes } from "node:crypto";

import { InvalidArgumentError, type Command } from "commander";

import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { roles, type Role } from "../model/role.js";
import { createKey, hashKey } from "../server/access/key.js";
import type { KeyEntry } from "../server/access/key-entry.js";
import { addKey, loadKeys, removeKey } from "../server/access/keys-file.js";
import { instantText } from "./json.js";
import type { Runner } from "./options.js";
import { parsePath } from "./path.js";

interface FileOptions {
  readonly file: string;
}

interface CreateOptions extends FileOptions {
  /** Of the global options: the tenant of the key. */
  readonly tenant?: string;
  readonly roles: readonly Role[];
  readonly id?: string;
  readonly certificate?: string;
  readonly expires?: number;
  readonly note?: string;
}

export function addKeyCommands(program: Command, run: Runner): void {
  const group = program.command("key").description("create, list and revoke the keys of a keys file; needs no server, which reads the file again on SIGHUP");
  addCreate(group, run);
  addList(group, run);
  addRevoke(group, run);
}

function addCreate(group: Command, run: Runner): void {
  const command = addFileOption(group.command("create"))
    .description("make a key, print it once, and append its hash to the file")
    .requiredOption("--roles <roles>", `what it may do, of ${roles.join(", ")}, with commas between`, parseRoles)
    .option("--id <id>", "its name in logs and in the file (default: a random one)")
    .option("--certificate <name>", "no key, but whoever shows a client certificate of this name: URI:…, DNS:…, email:… or CN=…")
    .option("--expires <instant>", "when it ends, as 2027-01-01 or 2027-01-01T12:00:00Z", parseInstant)
    .option("--note <text>", "what it is for")
    .addHelpText("after", `
Its tenant is that of --tenant (default: \`default\`); '*' is any, and the role admin takes it.
Examples:
  $ usher key create --file keys.yaml --tenant billing --roles read,write --note 'the billing service'
  $ usher key create --file keys.yaml --tenant '*' --roles admin --id ops > admin.key`);
  command.action(() =>
    run<CreateOptions>(command, async ({ options, output }) => {
      const id = options.id ?? randomBytes(5).toString("hex");
      const key = options.certificate === undefined ? createKey(id, randomBytes) : undefined;
      await addKey(options.file, entryOf(options, id, key));
      if (key === undefined) await output.write(() => `added ${id}`, () => ({ id }));
      else await output.write(() => key, () => ({ id, key }));
      output.note(`key ${id} is in ${options.file}${key === undefined ? "" : ", hashed; this is the only time that it is shown"}. A server that runs reads it on SIGHUP.`);
      return undefined;
    }),
  );
}

function entryOf({ tenant = "default", roles: list, certificate, expires, note }: CreateOptions, id: string, key: string | undefined): KeyEntry {
  return {
    id,
    proof: key === undefined ? { kind: "certificate", name: certificate ?? "" } : { kind: "key", hash: hashKey(key) },
    tenant,
    roles: new Set(list),
    ...(expires === undefined ? {} : { expiresAt: expires }),
    ...(note === undefined ? {} : { note }),
  };
}

function addList(group: Command, run: Runner): void {
  const command = addFileOption(group.command("list")).description("every key of the file; the keys themselves are not in it");
  command.action(() =>
    run<FileOptions>(command, async ({ options, output }) => {
      const { entries, warnings } = await loadKeys(options.file);
      for (const warning of warnings) output.note(warning);
      await output.write(() => entries.map(line).join("\n"), () => ({ keys: entries.map(entryJson) }));
      return undefined;
    }),
  );
}

function addRevoke(group: Command, run: Runner): void {
  const command = addFileOption(group.command("revoke"))
    .description("take a key out of the file; a server that runs ends its calls on SIGHUP")
    .argument("<id>")
    .addHelpText("after", "\nExamples:\n  $ usher key revoke billing-1 --file keys.yaml && kill -HUP $(pidof usher)");
  command.action((id: string) =>
    run<FileOptions>(command, async ({ options, output }) => {
      await removeKey(options.file, id);
      await output.write(() => `revoked ${id}`, () => ({ revoked: id }));
      return undefined;
    }),
  );
}

function addFileOption(command: Command): Command {
  return command.requiredOption("--file <file>", "the keys file", parsePath);
}

function parseRoles(text: string): Role[] {
  const list = text.split(",").map((name) => name.trim());
  const known = roles.filter((role) => list.includes(role));
  if (list.every((name) => (roles as readonly string[]).includes(name))) return known;
  throw new InvalidArgumentError(`roles are ${roles.join(", ")}`);
}

function parseInstant(text: string): number {
  const instant = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(instant)) return instant;
  throw new UsherError("invalid_request", `${quote(text)} is no instant: give one as 2027-01-01 or 2027-01-01T12:00:00Z`);
}

function line({ id, proof, tenant, roles: list, expiresAt, note }: KeyEntry): string {
  const parts = [id, tenant, [...list].join(","), ...(proof.kind === "certificate" ? [proof.name] : [])];
  if (expiresAt !== undefined) parts.push(`expires ${instantText(expiresAt)}`);
  if (note !== undefined) parts.push(`# ${note}`);
  return parts.join("  ");
}

function entryJson({ id, proof, tenant, roles: list, expiresAt, note }: KeyEntry): object {
  return {
    id,
    ...(proof.kind === "certificate" ? { certificate: proof.name } : {}),
    tenant,
    roles: [...list],
    ...(expiresAt === undefined ? {} : { expires: instantText(expiresAt) }),
    ...(note === undefined ? {} : { note }),
  };
}
