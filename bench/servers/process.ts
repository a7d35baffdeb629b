import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Profiler } from "node:inspector";
import { fileURLToPath } from "node:url";

/** What the process is told, one order at a time; each but `close` is answered by one report. */
export type Order = "processor time" | "start profile" | "stop profile" | "close";

export interface Report {
  readonly address?: string;
  readonly cpuUs?: number;
  readonly profile?: Profiler.Profile;
}

/**
 * Which server: `echo`, the bare transport with the same messages; `fixed`, Usher's server before a service that
 * always answers the same; `usher`, all of it, over a folder.
 */
export type Kind = "echo" | "fixed" | "usher";

/** A server in a child process, so that it does not share a thread with whoever measures it. */
export class ServerProcess {
  readonly address: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.address = address;
  }

  static async start(kind: Kind, folder = ""): Promise<ServerProcess> {
    const child = fork(fileURLToPath(new URL("main.js", import.meta.url)), [kind, folder]);
    const { address } = await nextReport(child);
    if (address === undefined) throw new Error(`server \`${kind}\` did not start`);
    return new ServerProcess(child, address);
  }

  /** What the process has used so far, in microseconds. */
  async cpuUs(): Promise<number> {
    const { cpuUs = Number.NaN } = await this.#order("processor time");
    return cpuUs;
  }

  async startProfile(): Promise<void> {
    await this.#order("start profile");
  }

  async stopProfile(): Promise<Profiler.Profile> {
    const { profile } = await this.#order("stop profile");
    if (profile === undefined) throw new Error("the server sent no profile");
    return profile;
  }

  async close(): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.send("close" satisfies Order);
    await exit;
  }

  #order(order: Order): Promise<Report> {
    const report = nextReport(this.#child);
    this.#child.send(order);
    return report;
  }
}

function nextReport(child: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`the server's process ended with code ${code}`));
    child.once("exit", onExit);
    child.once("message", (report) => {
      child.off("exit", onExit);
      resolve(report as Report);
    });
  });
}
