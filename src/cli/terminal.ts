import type { Readable, Writable } from "node:stream";

/** What a command may touch of the process it runs in, as an argument: a test brings its own. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Hears SIGINT and SIGTERM instead of their ending the process, until the function that it returns is called. */
  onSignal(listener: () => void): () => void;
}

/** The process itself. After the first signal heard, the next one ends it. */
export function processTerminal(process: NodeJS.Process): Terminal {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
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
