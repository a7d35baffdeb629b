import type { Command } from "commander";
import { parseCheckpoint, signatureBy, type Checkpoint } from "../audit/checkpoint.js";
import { equalHashes, leafHash, verifyInclusion } from "../audit/tree/merkle.js";
import { readPublicKey } from "../audit/verify/verify.js";
import { logged } from "../client/decision-log.js";
import type { AuditRecord, ProveDecisionResponse } from "../model/audit.js";
import { parseIndex } from "./audit-filter.js";
import { recordJson, recordLine } from "./audit-lines.js";
import { exitCodes } from "./exit.js";
import { instantText } from "./json.js";
import { withUsher, type Runner } from "./options.js";

interface ProveFlags {
  readonly key?: string;
}

export function addAuditProve(group: Command, run: Runner): void {
  const command = group
    .command("prove")
    .description("print a record, check that it is in the log, and that the log is signed. Exit code 1: it is not")
    .argument("<index>", "the record", parseIndex)
    .option("--key <key or file>", "the log's public key, as it is known from elsewhere (default: as the server says)")
    .addHelpText("after", `
Examples:
  $ usher audit prove 1842
  $ usher audit prove 1842 --key 9mEXq…= --json`);
  command.action((index: number) =>
    run<ProveFlags>(command, async ({ options, output }) => {
      const answer = await withUsher(options, ({ audit }) => audit.prove(index));
      const { record, path, key } = answer;
      const checkpoint = parseCheckpoint(answer.checkpoint);
      const known = options.key === undefined ? undefined : await readPublicKey(options.key);
      const problem = problemOf(index, answer, checkpoint, known ?? key);
      await output.write(
        () =>
          [
            recordLine(logged(record), output),
            problem === undefined ? `${output.style("green", "proven")}  by ${path.length} hashes, in the log ${checkpoint.origin} of ${checkpoint.size} records at ${instantText(checkpoint.at)}` : `${output.style("red", "not proven")}  ${problem}`,
            ...(problem === undefined ? [`signed  ${known ?? key}${known === undefined ? output.style("dim", "  as the server says: --key checks it against what you know") : ""}`] : []),
          ].join("\n"),
        () => ({ proven: problem === undefined, ...(problem !== undefined && { problem }), ...recordJson(logged(record)), ...answer }),
      );
      return problem === undefined ? undefined : exitCodes.denied;
    }),
  );
}

/** What keeps it from being a proof. @throws `invalid_request` for what is no key */
function problemOf(index: number, { record, path }: ProveDecisionResponse, checkpoint: Checkpoint, key: string): string | undefined {
  if (record.index !== index) return `the server answered with record ${record.index}`;
  const hash = Buffer.from(record.hash, "hex");
  if (!isItsHash(record, hash)) return "the record is not that of its hash";
  if (!verifyInclusion(checkpoint.size, index, hash, path.map((each) => Buffer.from(each, "hex")), checkpoint.root)) return "the path does not lead to the checkpoint's root";
  const signature = signatureBy(checkpoint, key);
  if (signature === "valid") return undefined;
  return signature === "none" ? `the checkpoint is not signed by ${key}` : "the checkpoint is not as it was signed";
}

/** Of a redacted record the hash is all that there is. */
function isItsHash({ salt, payload }: AuditRecord, hash: Buffer): boolean {
  if (salt === undefined && payload === undefined) return true;
  return equalHashes(leafHash(Buffer.from(salt ?? "", "hex"), Buffer.from(payload ?? "")), hash);
}
