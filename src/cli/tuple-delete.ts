import { Option, type Command } from "commander";
import { remove } from "../client/references.js";
import type { Usher } from "../client/usher.js";
import { machineTime } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import type { TupleFilter } from "../model/filter.js";
import type { DeleteTuplesResponse } from "../model/service.js";
import { parseObject } from "../model/tuple-text.js";
import { parseCount } from "./duration.js";
import { addEnforcement, enforcementExit, receiptText } from "./enforcement.js";
import { addFilterOptions, filtersOf, type FilterOptions } from "./filter-options.js";
import { withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";
import { addWriteOptions, writeRequest, type WriteOptions } from "./write-options.js";

interface DeleteOptions extends WriteOptions, FilterOptions {
  readonly limit?: number;
  readonly everythingOf?: string;
}

export function addDelete(group: Command, run: Runner): void {
  const command = addFilterOptions(addWriteOptions(group.command("delete")))
    .description("delete tuples: those named, those that match, or everything that names an object")
    .argument("[tuples...]", "object#relation@subject; one that does not stand is no error")
    .option("--limit <count>", "delete at most this many of those that match, in one commit", parseCount)
    .addOption(new Option("--everything-of <object>", "what names this object, as object or as subject, in one commit"))
    .addHelpText("after", `
Examples:
  $ usher tuple delete 'team:sre#member@user:ana' --reason offboarded --await
  $ usher tuple delete --object-type node --object-id n1
  $ usher tuple delete --everything-of user:ana --reason offboarded --actor user:chief`);
  command.action((tuples: string[]) =>
    run<DeleteOptions>(command, async ({ options, output }) => {
      const filters = chosenFilters(options);
      if ((tuples.length > 0 && filters.length > 0) || (options.everythingOf !== undefined && filtersOf(options).length > 0)) {
        command.error("error: give either tuples, or filter options, or --everything-of", { code: "usher.conflict" });
      }
      if (tuples.length === 0 && filters.length === 0) {
        command.error("error: missing what to delete: tuples, filter options, or --everything-of", { code: "commander.missingArgument" });
      }
      const startedAt = machineTime.monotonicMs();
      const answer = await withUsher(options, (usher) => (filters.length === 0 ? deleteNamed(usher, tuples, options) : deleteMatching(usher, filters, options)));
      await writeResult(output, answer, options, machineTime.monotonicMs() - startedAt);
      return enforcementExit(answer.enforcement);
    }),
  );
}

function chosenFilters(options: DeleteOptions): TupleFilter[] {
  if (options.everythingOf === undefined) return filtersOf(options);
  const { type, id } = parseObject(options.everythingOf);
  return [
    { objectType: type, objectId: id },
    { subjectType: type, subjectId: id },
  ];
}

async function deleteNamed(usher: Usher, tuples: readonly string[], options: DeleteOptions): Promise<DeleteTuplesResponse> {
  if (options.limit !== undefined) throw new UsherError("invalid_request", "--limit is for what matches filter options: leave it out");
  const { changed, ...answer } = await usher.write(tuples.map(remove), writeRequest(options));
  return { ...answer, deleted: changed, more: false };
}

/**
 * One commit deletes a bounded number. Where the user set no bound and nothing ties the request to one commit, further
 * commits follow until nothing matches: who offboards somebody must not be left with a rest.
 */
export async function deleteMatching(usher: Usher, filters: readonly TupleFilter[], options: DeleteOptions): Promise<DeleteTuplesResponse> {
  const { limit } = options;
  const request = { ...writeRequest(options), ...(limit === undefined ? {} : { limit }) };
  const bound = limit !== undefined || options.validateOnly === true || options.requestId !== undefined || request.preconditions !== undefined;
  let answer = await usher.deleteMatching(filters, request);
  let { deleted, enforcement } = answer;
  while (answer.more && !bound) {
    answer = await usher.deleteMatching(filters, request);
    deleted += answer.deleted;
    enforcement = addEnforcement(enforcement, answer.enforcement);
  }
  return { ...answer, deleted, ...(enforcement && { enforcement }) };
}

async function writeResult(output: Output, answer: DeleteTuplesResponse, options: DeleteOptions, elapsedMs: number): Promise<void> {
  const { deleted, zookie, enforcement, more } = answer;
  const receipt = receiptText(zookie, deleted > 0, enforcement, elapsedMs);
  await output.write(
    () => (options.validateOnly ? `valid  would delete ${deleted}` : `deleted ${deleted}  zookie ${zookie}${receipt}`),
    () => answer,
  );
  if (more) output.note("usher: more tuples match: run the command again");
}
