import type { Command } from "commander";
import { Database } from "../database/database.js";
import { serve } from "../server/server.js";
import { parseHorizon } from "./duration.js";
import { reportFailure } from "./exit.js";
import type { Runner } from "./options.js";

interface ServeOptions {
  readonly data: string;
  readonly horizon?: number;
  readonly acceptClock?: boolean;
}

/** How long calls that are under way may take to end, once the server has been told to stop. */
const graceMs = 10_000;

export function addServe(program: Command, run: Runner): void {
  const command = program
    .command("serve")
    .description("serve the database in a folder, until SIGINT or SIGTERM; a second signal ends it at once")
    .requiredOption("--data <folder>", "where the database is; an empty or absent folder becomes a new one")
    .option("--horizon <duration>", "how far back snapshots and watches reach, as 24h or `unlimited` (default: 24h)", parseHorizon)
    .option("--accept-clock", "this machine's clock is right, though it stands behind the last commit")
    .addHelpText("after", `
Examples:
  $ usher serve --data ./usher-data
  $ usher serve --data /var/lib/usher --address 127.0.0.1:50052 --horizon 7d`);
  command.action(() =>
    run<ServeOptions>(command, async ({ options, output, terminal }) => {
      const stopped = new Promise<void>((resolve) => terminal.onSignal(resolve));
      const database = await Database.open(options.data, {
        ...(options.horizon === undefined ? {} : { horizonMs: options.horizon }),
        acceptClock: options.acceptClock ?? false,
        report: (error) => reportFailure(error, terminal, output.json),
      });
      try {
        const server = await serve(database, {
          address: options.address,
          onError: (error) => reportFailure(error, terminal, output.json),
        });
        await output.write(() => `usher listening on ${server.address}, data in ${options.data}`, () => ({ address: server.address, data: options.data }));
        await stopped;
        output.note("usher stopping");
        await server.close(graceMs);
      } finally {
        await database.close();
      }
      return undefined;
    }),
  );
}
