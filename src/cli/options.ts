import { Option, type Command } from "commander";
import { connect, type Usher } from "../client/usher.js";
import { exitCodes } from "./exit.js";
import { Output } from "./output.js";
import { parseDuration } from "./duration.js";
import { addSecurityOptions, securityOptions, type SecurityFlags } from "./security-options.js";
import type { Terminal } from "./terminal.js";

/** The options that every command has. */
export interface GlobalOptions extends SecurityFlags {
  readonly address: string;
  readonly tenant?: string;
  readonly json?: boolean;
  readonly color: boolean;
  readonly timeout?: number;
}

const defaultAddress = "127.0.0.1:50051";

export function addGlobalOptions(program: Command, terminal: Terminal): void {
  const { USHER_ADDRESS } = terminal.environment;
  program
    .addOption(new Option("--address <host:port>", "the server; `serve` listens there (environment: USHER_ADDRESS)").default(USHER_ADDRESS || defaultAddress))
    .option("--tenant <name>", "the tenant (default: `default`)")
    .option("--json", "print JSON for programs: one document, or one a line where a command streams")
    .option("--no-color", "print without colours, which only a terminal gets anyway")
    .addOption(new Option("--timeout <duration>", "how long a call may take, as 500ms or 30s").argParser(parseDuration));
  addSecurityOptions(program, terminal);
}

/** What a command's action works with. */
export interface Task<Options> {
  readonly options: Options & GlobalOptions;
  readonly output: Output;
  readonly terminal: Terminal;
}

/** Runs an action with its options and output; what it returns is the exit code, nothing being 0. */
export type Runner = <Options>(command: Command, act: (task: Task<Options>) => Promise<number | undefined>) => Promise<void>;

export function createRunner(terminal: Terminal, finish: (exitCode: number) => void): Runner {
  return async <Options>(command: Command, act: (task: Task<Options>) => Promise<number | undefined>) => {
    const options = command.optsWithGlobals<Options & GlobalOptions>();
    const colour = options.color && terminal.stdout.isTTY === true && !terminal.environment["NO_COLOR"];
    const output = new Output(terminal, { json: options.json ?? false, colour });
    finish((await act({ options, output, terminal })) ?? exitCodes.ok);
  };
}

/** Runs the body with a client of the server, and closes it. */
export async function withUsher<Result>(options: GlobalOptions, body: (usher: Usher) => Promise<Result>): Promise<Result> {
  const usher = await connect(options.address, {
    ...(options.tenant === undefined ? {} : { tenant: options.tenant }),
    ...(options.timeout === undefined ? {} : { deadlineMs: options.timeout }),
    ...(await securityOptions(options)),
  });
  try {
    return await body(usher);
  } finally {
    await usher.close();
  }
}

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
