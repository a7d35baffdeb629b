import { UsherError } from "../base/errors.js";
import { encodeZookie } from "../model/zookie.js";
import { BackupFile } from "../storage/level/backup/backup-file.js";
import { type VerifiedBackup, verifyBackups } from "../storage/level/backup/verify.js";
import type { Command } from "commander";
import { instantText } from "./json.js";
import { type GlobalOptions, withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";

interface BackupOptions {
  readonly since?: string;
  readonly sinceFile?: string;
}

export function addBackup(program: Command, run: Runner): void {
  const command = program
    .command("backup")
    .description("write the server's whole database, all tenants, to one file while it serves; takes a key with the role `admin`")
    .argument("<file>", "is replaced once the new one is whole")
    .option("--since <zookie>", "an increment: only what was committed after this zookie, of any tenant")
    .option("--since-file <previous>", "the same: after the head of an earlier backup file")
    .addHelpText("after", `
What was written is read back and verified. An increment reaches back as far as history is kept (\`serve --horizon\`).
Examples:
  $ usher backup monday.usher
  $ usher backup tuesday.usher --since-file monday.usher
  $ usher backup verify monday.usher tuesday.usher
  $ usher restore --data ./restored monday.usher tuesday.usher`);
  command.action((file: string) =>
    run<BackupOptions>(command, async ({ options, output }) => {
      await withUsher(options, async (usher) => usher.backup(file, await requestOf(options)));
      await report(await verifyAlone(file), "written", output);
      return undefined;
    }),
  );
  addVerify(command, run);
}

function addVerify(backup: Command, run: Runner): void {
  const command = backup
    .command("verify")
    .description("read backup files to their ends, without a server: is each whole, and does each go on where the one before it ends")
    .argument("<files...>", "a full backup, then its increments in order")
    .addHelpText("after", "\nExamples:\n  $ usher backup verify monday.usher tuesday.usher");
  command.action((files: string[]) =>
    run<GlobalOptions>(command, async ({ output }) => {
      for (const backupFile of await verifyBackups(files)) await report(backupFile, "whole", output);
      return undefined;
    }),
  );
}

async function requestOf({ since, sinceFile }: BackupOptions): Promise<{ since?: string }> {
  if (since !== undefined && sinceFile !== undefined) throw new UsherError("invalid_request", "`--since` and `--since-file` are both given: give one");
  if (sinceFile === undefined) return since === undefined ? {} : { since };
  const file = await BackupFile.open(sinceFile);
  try {
    return { since: zookieOf(file.header) };
  } finally {
    await file.close();
  }
}

/** No tenant has the number 0: a position in the whole store, for the next increment, that no tenant's call takes. */
function zookieOf({ store, timeline, head }: VerifiedBackup["header"]): string {
  return encodeZookie({ store, timeline, tenant: 0, revision: head.revision });
}

/** A file that has just been written; what an increment goes on from need not be at hand. */
async function verifyAlone(path: string): Promise<VerifiedBackup> {
  const file = await BackupFile.open(path);
  try {
    let rows = 0;
    for await (const frame of file.frames()) rows += frame.length;
    return { path, header: file.header, rows, bytes: file.bytes };
  } finally {
    await file.close();
  }
}

async function report({ path, header, rows, bytes }: VerifiedBackup, what: string, output: Output): Promise<void> {
  const { kind, head, from } = header;
  const zookie = zookieOf(header);
  await output.write(
    () => `${what}  ${path}  ${kind}${from === undefined ? "" : ` after revision ${from.revision}`}  through revision ${head.revision} of ${instantText(head.instant)}  ${rows} rows  ${bytes} bytes  zookie ${zookie}`,
    () => ({ file: path, kind, ...(from && { after: from.revision }), revision: head.revision, instant: instantText(head.instant), rows, bytes, zookie }),
  );
}
