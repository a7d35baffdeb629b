import type { Command } from "commander";
import { parseObject, parseSubject } from "../model/tuple-text.js";
import type { LookupPermissionsResult } from "../model/service.js";
import { resultOf, resultStyles } from "./explanation.js";
import { addGivenOptions, givenOf, type GivenOptions } from "./given-options.js";
import { instantText } from "./json.js";
import { withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";
import { addSnapshotOptions, consistencyOf, type SnapshotOptions } from "./snapshot-options.js";

interface PermissionsOptions extends SnapshotOptions, GivenOptions {
  readonly relations?: boolean;
}

export function addLookupPermissions(group: Command, run: Runner): void {
  const command = addGivenOptions(addSnapshotOptions(group.command("permissions")))
    .description("what may this subject do to this object? Every permission of its type with its answer, in the order of the schema")
    .argument("<object>", "type:id")
    .argument("<subject>", "type:id, or type:id#relation")
    .option("--relations", "relations too")
    .addHelpText("after", `
Examples:
  $ usher lookup permissions node:n1 user:ana
  $ usher lookup permissions document:1 user:bo --context '{"ip": "10.1.2.3"}' --relations`);
  command.action((object: string, subject: string) =>
    run<PermissionsOptions>(command, async ({ options, output }) => {
      const [about, who] = [parseObject(object), parseSubject(subject)];
      const request = { ...consistencyOf(options), ...givenOf(options), relations: options.relations ?? false };
      const answer = await withUsher(options, (usher) => usher.lookupPermissions(about, who, request));
      await output.write(() => answer.results.map((result) => line(result, output)).join("\n"), () => ({ ...answer, instant: instantText(answer.instant) }));
      return undefined;
    }),
  );
}

function line(result: LookupPermissionsResult, output: Output): string {
  const said = resultOf(result);
  return `${output.style(resultStyles[said], said)}  ${result.permission}${said === "conditional" ? `  needs ${result.missingFields.join(", ")}` : ""}`;
}
