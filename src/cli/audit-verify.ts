import { Command } from "commander";
import type { AuditVerification } from "../audit/verify/verification.js";
import { readCheckpoint, readPublicKey, verifyLog } from "../audit/verify/verify.js";
import { exitCodes } from "./exit.js";
import { instantText } from "./json.js";
import type { Runner } from "./options.js";
import type { Output } from "./output.js";
import { parsePath } from "./path.js";

interface VerifyCommandOptions {
  readonly checkpoint?: string;
  readonly key?: string;
}

/** `usher audit verify`, which needs no server. */
export function auditVerifyCommand(run: Runner): Command {
  const command = new Command("verify")
    .description("check without a server that nothing in a decision log was changed, left out or put in another order since it was signed")
    .argument("<folder or file>", "the folder of a log that no server has open, or what `audit export` wrote", parsePath)
    .option("--checkpoint <file>", "a checkpoint that was kept elsewhere: the log must go on from it", parsePath)
    .option("--key <key or file>", "a public key of the log that is known from elsewhere: it must have signed", parsePath)
    .addHelpText("after", `
Without a checkpoint or a key from elsewhere it shows that the log agrees with itself; whoever has its key could still have written it anew.
Of evidence verify a copy: opening a folder writes to it.
Exit code 0: nothing is wrong; 1: something is; 4: it could not be verified.
Examples:
  $ usher audit verify ./usher-data/audit --checkpoint ./witnessed/latest
  $ usher audit verify ./decisions.jsonl --key 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= --json`);
  command.action((path: string) =>
    run<VerifyCommandOptions>(command, async ({ options, output }) => {
      const checkpoint = options.checkpoint === undefined ? {} : { checkpoint: await readCheckpoint(options.checkpoint) };
      const key = options.key === undefined ? {} : { key: await readPublicKey(options.key) };
      const found = await verifyLog(path, { ...checkpoint, ...key });
      await output.write(() => reportLines(found, output).join("\n"), () => found);
      return found.findingsCount === 0 ? exitCodes.ok : exitCodes.denied;
    }),
  );
  return command;
}

function reportLines(found: AuditVerification, output: Output): string[] {
  const { findings, findingsCount, size, signedSize, root = "unknown" } = found;
  const more = findingsCount - findings.length;
  const left = size - signedSize;
  return [
    ...findings.map(({ word, message }) => `${output.style("red", word)}  ${message}`),
    ...(more === 0 ? [] : [`and ${more} more`]),
    ...factLines(found),
    ...(found.partial ? ["a part was chosen: of what was left out nothing is known"] : left > 0 ? [`the last ${left} of ${size} records are in no checkpoint yet`] : []),
    `${findingsCount === 0 ? output.style("green", "sound") : output.style("red", `${findingsCount} found`)}  size ${size}  root ${root}`,
  ];
}

function factLines({ checkpoints, checkpointsExpired, checkpointsCut, keys, trustedSize, size, redacted, expired, gaps }: AuditVerification): string[] {
  return [
    `checkpoints verified  ${checkpoints}${checkpointsExpired === 0 ? "" : `, and of ${checkpointsExpired} behind retention the signature alone`}`,
    ...(checkpointsCut ? ["the last checkpoint is cut, as a crash leaves it"] : []),
    ...keys.map(({ key, from }) => `key  ${key}${from === 0 ? "" : `  from record ${from}`}`),
    ...(trustedSize === undefined || trustedSize === size ? [] : [`the key that was given vouches for the first ${trustedSize} records; the others rest on keys that the log names`]),
    ...(redacted === 0 ? [] : [`redacted  ${redacted}`]),
    ...(expired === 0 ? [] : [`expired  ${expired}`]),
    ...gaps.map(({ index, from, to }) => `not closed before record ${index}: what happened ${from === undefined ? "" : `after ${instantText(from)} and `}before ${instantText(to)} may be missing`),
  ];
}
