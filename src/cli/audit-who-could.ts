import { Option, type Command } from "commander";
import type { Instant } from "../base/clock.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { pages } from "../client/lookups.js";
import { parseObject } from "../model/tuple-text.js";
import { parseInstant } from "./instant.js";
import { instantText } from "./json.js";
import { printFound } from "./lookup-options.js";
import { subjectText } from "./lookup-subjects.js";
import { withUsher, type Runner } from "./options.js";

interface WhoCouldFlags {
  readonly type: string;
  readonly at?: Instant;
  readonly conditional?: boolean;
}

export function addWhoCould(group: Command, run: Runner): void {
  const command = group
    .command("who-could")
    .description("who may, or at an instant could, do something to an object: by the tuples, the schema and the time of then, whether or not anybody asked; takes the role `read`")
    .argument("<object>", "type:id")
    .argument("<permission>", "a permission or relation of the object's type")
    .requiredOption("--type <kind>", "the subjects' type, as user; or usersets, as team#member")
    .addOption(new Option("--at <time>", "as of this instant, back to the horizon: 2026-03-01T09:30:00Z, or -15m for so long ago (default: now)").argParser(parseInstant))
    .option("--conditional", "those too that depend on context fields which are missing, with their names")
    .addHelpText("after", `
Examples:
  $ usher audit who-could document:1 view --type user
  $ usher audit who-could document:1 view --type user --at 2026-03-01T09:30:00Z`);
  command.action((text: string, permission: string) =>
    run<WhoCouldFlags>(command, async ({ options, output }) => {
      const { type, at, conditional } = options;
      const object = parseObject(text);
      const request = { pageSize: limits.pageTuplesMax, ...(at !== undefined && { consistency: { kind: "asOf" as const, instant: at } }) };
      try {
        await withUsher(options, (usher) =>
          printFound(pages((further) => usher.lookupSubjectsPage(object, permission, type, { ...request, ...further })), conditional ? { conditional } : {}, output, subjectText),
        );
      } catch (error) {
        throw at === undefined ? error : behindHorizon(error, at);
      }
      return undefined;
    }),
  );
}

function behindHorizon(error: unknown, at: Instant): unknown {
  if (!(error instanceof UsherError) || error.code !== "zookie_expired") return error;
  const message = `${instantText(at)} is behind the horizon, so that it is not known any more who could: ask for a later instant, or for those who asked, with \`usher audit query --object … --to …\``;
  return new UsherError("zookie_expired", message, { details: error.details, cause: error });
}
