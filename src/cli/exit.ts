import { CommanderError } from "commander";
import { asError, UsherError, type ErrorDetails } from "../base/errors.js";
import type { Terminal } from "./terminal.js";

/** What a script may rely on. */
export const exitCodes = {
  ok: 0,
  /** A check was denied, a test failed, a file is not formatted, two schemas differ, a preview found a loss, a replay or a proof found something, two databases answer otherwise, an export for SpiceDB is not whole. */
  denied: 1,
  usage: 2,
  /** A check needs context fields that it was not given. */
  conditional: 3,
  /** An error with a code. */
  error: 4,
  /** It was committed, but not enforced everywhere within the time that `--await` gave. */
  pending: 5,
} as const;

export const exitHelp = `
Exit codes:
  0  done; a check: allowed
  1  a check: denied; a test failed; \`schema format --check\`, \`schema diff\`, \`fsck\`, \`preview --fail-on-loss\`, \`audit replay\`, \`audit verify\`, \`compare\` or \`tuple export --for-spicedb\` found something
  2  usage: an unknown command or option, a missing argument
  3  a check: conditional, context fields are missing
  4  an error, printed as \`usher: CODE: message\`
  5  with --await: committed, but not enforced everywhere within that time`;

/**
 * Tells what was thrown, and which exit code it has.
 * @param help the command by which whoever typed something wrong is helped
 */
export function reportFailure(thrown: unknown, terminal: Terminal, json: boolean, help = "usher --help"): number {
  if (thrown instanceof CommanderError) {
    // Help and version are thrown as well, once they have been printed.
    if (thrown.exitCode === 0) return exitCodes.ok;
    if (thrown.code !== "commander.help") writeFailure("usage", `${thrown.message.replace(/^error: |\.$/g, "")}; see \`${help}\``, {}, terminal, json);
    return exitCodes.usage;
  }
  const error = asError(thrown);
  if (error instanceof UsherError) writeFailure(error.code, error.message, error.details, terminal, json);
  else writeFailure("internal", json ? error.message : (error.stack ?? error.message), {}, terminal, json);
  return exitCodes.error;
}

function writeFailure(code: string, message: string, details: ErrorDetails, terminal: Terminal, json: boolean): void {
  const text = json ? JSON.stringify({ error: { code, message, ...(Object.keys(details).length === 0 ? {} : { details }) } }) : `usher: ${code}: ${message}`;
  terminal.stderr.write(`${text}\n`);
}
