import type { Command } from "commander";
import { compileSchema } from "../model/schema/compile.js";
import { formatSchema } from "../model/schema/format.js";
import { convertModel, validateModel } from "../server/adapters/openfga/convert.js";
import { renamedIn } from "../server/adapters/openfga/renamed.js";
import { readFgaModel } from "./fga-model.js";
import { readInput } from "./input.js";
import type { Runner } from "./options.js";

export function addConvert(group: Command, run: Runner): void {
  const command = group
    .command("convert")
    .description("print OpenFGA's model as a schema, and tell what has another name in it; needs no server")
    .argument("<file>", "a model in OpenFGA's language or JSON, or an `fga.mod`; `-` for stdin")
    .addHelpText("after", `
Examples:
  $ usher schema convert model.fga > schema.zed
  $ usher schema convert fga.mod

What cannot be said is an error. Every relation becomes a permission of its name; its tuples are written to
relations of their own, one for each kind of subject: \`viewer__is__user\`, \`viewer__all__user\` for
\`user:*\`, \`viewer__in__group__member\` for \`group#member\`.`);
  command.action((file: string) =>
    run(command, async ({ output, terminal }) => {
      const model = await readFgaModel(file, file === "-" ? await readInput(file, terminal.stdin) : undefined);
      validateModel(model);
      const schema = formatSchema(convertModel(model));
      compileSchema(schema);
      const renamed = renamedIn(model);
      for (const { name, native } of renamed) output.note(`\`${name}\` is called \`${native}\`: the schema language does not take the name`);
      if (output.json) await output.write(() => "", () => ({ schema, renamed }));
      else await output.print(schema);
      return undefined;
    }),
  );
}
