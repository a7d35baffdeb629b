import type { Command } from "commander";
import { pages } from "../client/lookups.js";
import { parseObject } from "../model/tuple-text.js";
import type { LookupSubjectsResult } from "../model/service.js";
import { formatSubject } from "../model/subject.js";
import { addLookupOptions, lookupRequest, printCount, printFound, type LookupOptions } from "./lookup-options.js";
import { withUsher, type Runner } from "./options.js";

export function addLookupSubjects(group: Command, run: Runner): void {
  const command = addLookupOptions(group.command("subjects"))
    .description("who may … this object? One a line, a wildcard first with whom it does not cover, then in the order of their ids, all of one snapshot")
    .argument("<object>", "type:id")
    .argument("<permission>", "a permission or relation of the object's type")
    .argument("<kind>", "the subjects' type, as user; or usersets, as team#member")
    .addHelpText("after", `
Examples:
  $ usher lookup subjects node:n1 restart user
  $ usher lookup subjects node:n1 restart 'team#member'
  $ usher lookup subjects document:1 view user --conditional --json`);
  command.action((text: string, permission: string, kind: string) =>
    run<LookupOptions>(command, async ({ options, output }) => {
      const object = parseObject(text);
      const request = lookupRequest(options);
      await withUsher(options, async (usher) => {
        if (options.count === true) return printCount(await usher.countSubjects(object, permission, kind, request), output);
        const found = pages((further) => usher.lookupSubjectsPage(object, permission, kind, { ...request, ...further }));
        return printFound(found, options, output, subjectText);
      });
      return undefined;
    }),
  );
}

/** `user:*  without user:bo, user:cy`. */
export function subjectText({ subject, excluded }: LookupSubjectsResult): string {
  return `${formatSubject(subject)}${excluded.length === 0 ? "" : `  without ${excluded.map((exclusion) => formatSubject(exclusion.subject)).join(", ")}`}`;
}
