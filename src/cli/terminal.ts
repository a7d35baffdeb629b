import type { Readable, Writable } from "node:stream";

/** What a command may touch of the process it runs in, as an argument: a test brings its own. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Hears SIGINT and SIGTERM instead of their ending the process, until the function that it returns is called. */
  onSignal(listener: () => void): () => void;
  /** Hears SIGHUP, which asks a server to read its files again, instead of its ending the process, likewise. */
  onHangup(listener: () => void): () => void;
}

/** The process itself. After the first signal heard, the next one ends it. */
export function processTerminal(process: NodeJS.Process): Terminal {
  // `Output` is told by each write. Of what else cannot be written, help and errors, there is nobody to be told, and
  // an event that nobody hears would end the process with an exit code that means something else.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    onHangup: (listener) => {
      process.on("SIGHUP", listener);
      return () => void process.off("SIGHUP", listener);
    },
    onSignal: (listener) => {
      let heard = false;
      const hear = () => {
        if (heard) process.exit(interrupted);
        heard = true;
        listener();
      };
      for (const signal of signals) process.on(signal, hear);
      return () => {
        for (const signal of signals) process.off(signal, hear);
      };
    },
  };
}

const signals = ["SIGINT", "SIGTERM"] as const;

/** What shells report for a process that SIGINT ended. */
const interrupted = 130;
