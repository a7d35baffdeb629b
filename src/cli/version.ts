import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { Runner } from "./options.js";

/** From package.json, which stands above `dist/` wherever the package is installed. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as { version: string };
  return version;
}

export function addVersion(program: Command, run: Runner): void {
  const command = program.command("version").description("print the version");
  command.action(() =>
    run(command, async ({ output }) => {
      const version = packageVersion();
      await output.write(() => `usher ${version}`, () => ({ version, node: process.version }));
      return undefined;
    }),
  );
}
