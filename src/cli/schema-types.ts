import type { Command } from "commander";
import { compileSchema } from "../model/schema/compile.js";
import { formatSchemaTypes } from "../model/schema/types.js";
import { readInput } from "./input.js";
import { withUsher, type Runner } from "./options.js";

export function addTypes(group: Command, run: Runner): void {
  const command = group
    .command("types")
    .description("print TypeScript types of a schema, so that a misspelt permission does not compile")
    .argument("[file]", "the schema text, `-` for stdin; without it, the schema in force")
    .addHelpText("after", `
Examples:
  $ usher schema types schema.zed > schema.ts
  $ usher schema types > schema.ts

In a program:
  import { connect, typed } from "usherdb";
  import type { Schema } from "./schema.js";
  const usher = typed<Schema>(await connect("localhost:50051"));`);
  command.action((file: string | undefined) =>
    run(command, async ({ options, output, terminal }) => {
      const text = file === undefined ? (await withUsher(options, (usher) => usher.readSchema())).text : await readInput(file, terminal.stdin);
      const types = formatSchemaTypes(compileSchema(text));
      if (output.json) await output.write(() => "", () => ({ types }));
      else await output.print(types);
      return undefined;
    }),
  );
}
