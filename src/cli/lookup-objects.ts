import type { Command } from "commander";
import { UsherError } from "../base/errors.js";
import { pages } from "../client/lookups.js";
import { formatObject, quote } from "../model/object.js";
import { parseSubject } from "../model/tuple-text.js";
import { addLookupOptions, lookupRequest, printCount, printFound, type LookupOptions } from "./lookup-options.js";
import { withUsher, type Runner } from "./options.js";

interface ObjectsOptions extends LookupOptions {
  readonly within?: string;
}

export function addLookupObjects(group: Command, run: Runner): void {
  const command = addLookupOptions(group.command("objects"))
    .description("which objects of a type may this subject …? One a line, in the order of their ids, all of one snapshot")
    .argument("<type>", "the objects' type")
    .argument("<permission>", "a permission or relation of that type")
    .argument("<subject>", "type:id, or type:id#relation")
    .option("--within <relation@subject>", "only objects whose relation names this subject, as parent@folder:f")
    .addHelpText("after", `
Examples:
  $ usher lookup objects node restart user:ana
  $ usher lookup objects document view user:ana --within parent@folder:f --limit 20
  $ usher lookup objects document view user:ana --count`);
  command.action((type: string, permission: string, text: string) =>
    run<ObjectsOptions>(command, async ({ options, output }) => {
      const subject = parseSubject(text);
      const request = { ...lookupRequest(options), ...(options.within === undefined ? {} : { within: parseScope(options.within) }) };
      await withUsher(options, async (usher) => {
        if (options.count === true) return printCount(await usher.countObjects(type, permission, subject, request), output);
        const found = pages((further) => usher.lookupObjectsPage(type, permission, subject, { ...request, ...further }));
        return printFound(found, options, output, ({ object }) => formatObject(object));
      });
      return undefined;
    }),
  );
}

/** `parent@folder:f`. @throws `invalid_request`, and what `parseSubject` throws */
function parseScope(text: string) {
  const at = text.indexOf("@");
  if (at <= 0) throw new UsherError("invalid_request", `--within ${quote(text)} is not \`relation@subject\`: write it as \`parent@folder:f\``);
  return { relation: text.slice(0, at), subject: parseSubject(text.slice(at + 1)) };
}
