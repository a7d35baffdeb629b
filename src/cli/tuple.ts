import type { Command } from "commander";
import { create, touch } from "../client/references.js";
import { machineTime } from "../base/clock.js";
import { limits } from "../base/limits.js";
import type { Operation } from "../model/service.js";
import { formatTuple } from "../model/tuple.js";
import { parseCount } from "./duration.js";
import { enforcementExit, receiptText } from "./enforcement.js";
import { addFilterOptions, filterOf, type FilterOptions } from "./filter-options.js";
import { tupleJson } from "./json.js";
import { withUsher, type Runner } from "./options.js";
import { addSnapshotOptions, consistencyOf, type SnapshotOptions } from "./snapshot-options.js";
import { addDelete } from "./tuple-delete.js";
import { addExport } from "./tuple-export.js";
import { addImport } from "./tuple-import.js";
import { addWriteOptions, writeRequest, type WriteOptions } from "./write-options.js";

export function addTuple(program: Command, run: Runner): void {
  const group = program.command("tuple").description("write, read, delete, import and export relation tuples");
  addWriting(group, run, "write", "create tuples, all or none; fails where one stands already", create);
  addWriting(group, run, "touch", "write tuples, all or none, whether they stand already or not", touch);
  addDelete(group, run);
  addRead(group, run);
  addImport(group, run);
  addExport(group, run);
}

function addWriting(group: Command, run: Runner, name: "write" | "touch", description: string, operation: (text: string) => Operation): void {
  const command = addWriteOptions(group.command(name))
    .description(description)
    .argument("<tuples...>", "object#relation@subject, maybe with [condition:{…}] and [expiration:…]")
    .addHelpText("after", `
Examples:
  $ usher tuple ${name} 'team:sre#member@user:ana' 'node:n1#operator@team:sre#member'
  $ usher tuple ${name} 'document:1#viewer@user:bo[expiration:2030-01-01T00:00:00Z]' --reason 'audit' --actor user:ana
  $ usher tuple ${name} 'node:n1#operator@user:bo' --must-match 'object=team:sre relation=member subject=user:bo'`);
  command.action((tuples: string[]) =>
    run<WriteOptions>(command, async ({ options, output }) => {
      const operations = tuples.map(operation);
      const startedAt = machineTime.monotonicMs();
      const answer = await withUsher(options, (usher) => usher.write(operations, writeRequest(options)));
      const { changed, zookie, enforcement } = answer;
      const receipt = receiptText(zookie, changed > 0, enforcement, machineTime.monotonicMs() - startedAt);
      await output.write(
        () => (options.validateOnly ? `valid  would change ${changed}` : `written  changed ${changed}  zookie ${zookie}${receipt}`),
        () => answer,
      );
      return enforcementExit(enforcement);
    }),
  );
}

function addRead(group: Command, run: Runner): void {
  const command = addSnapshotOptions(addFilterOptions(group.command("read")))
    .description("print the tuples that match, one a line, all of one snapshot")
    .option("--limit <count>", "print at most this many", parseCount)
    .addHelpText("after", `
Examples:
  $ usher tuple read
  $ usher tuple read --object-type node --object-id n1
  $ usher tuple read --subject-type user --subject-id ana --limit 10`);
  command.action(() =>
    run<FilterOptions & SnapshotOptions & { limit?: number }>(command, async ({ options, output }) => {
      const { limit = Number.POSITIVE_INFINITY } = options;
      const pageSize = Math.min(limit, limits.pageTuplesMax);
      await withUsher(options, async (usher) => {
        let printed = 0;
        for await (const tuple of usher.read(filterOf(options), { pageSize, ...consistencyOf(options) })) {
          await output.write(() => formatTuple(tuple), () => tupleJson(tuple));
          if (++printed >= limit || output.closed) break;
        }
      });
      return undefined;
    }),
  );
}
