import { Option, type Command } from "commander";
import { limits } from "../base/limits.js";
import { parseDuration } from "./duration.js";
import { withUsher, type Runner } from "./options.js";
import { addSpiceDbOptions, spiceDbConnection, type SpiceDbFlags } from "./spicedb/connection.js";
import { followLines } from "./spicedb/follow-lines.js";
import { Follower } from "./spicedb/follower.js";
import { SpiceDb } from "./spicedb/peer.js";
import { StateFile } from "./spicedb/state-file.js";
import type { Terminal } from "./terminal.js";

interface FollowOptions extends SpiceDbFlags {
  readonly state: string;
  readonly replace?: boolean;
  readonly schemaInterval: number;
}

export function addFollow(program: Command, run: Runner, terminal: Terminal): void {
  const command = addSpiceDbOptions(program.command("follow"), terminal)
    .description("mirror a running SpiceDB: its schema, its relationships, and whatever is committed there, until interrupted")
    .argument("<source>", "spicedb://HOST[:PORT]")
    .option("--state <file>", "where it is kept how far the mirror is; one file a mirror", "usher-follow.json")
    .option("--replace", "make a mirror of a database that holds something else, which goes")
    .addOption(new Option("--schema-interval <duration>", "how often the schema is read again where SpiceDB does not tell of its changes").argParser(parseDuration).default(limits.followSchemaMsDefault, "10s"))
    .addHelpText("after", `
It goes on where it was, without gap. A relationship that cannot stand here is told, counted, and tried again when the schema changes.

Examples:
  $ USHER_SPICEDB_TOKEN=… usher follow spicedb://spicedb.internal
  $ usher follow spicedb://127.0.0.1:50052 --spicedb-insecure --spicedb-token somekey --state mirror.json`);
  command.action((source: string) =>
    run<FollowOptions>(command, async ({ options, output, terminal: here }) => {
      const stop = new AbortController();
      const forget = here.onSignal(() => stop.abort());
      const spicedb = new SpiceDb(await spiceDbConnection(source, options), options.timeout);
      const lines = followLines(output, spicedb.name);
      try {
        const follow = { signal: stop.signal, replace: options.replace ?? false, schemaMs: options.schemaInterval };
        await withUsher(options, (usher) => new Follower(spicedb, usher, new StateFile(options.state), lines, follow).run());
        await lines.flushed();
      } finally {
        spicedb.close();
        forget();
      }
      return undefined;
    }),
  );
}
