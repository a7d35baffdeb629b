import { spawnSync } from "node:child_process";
import type { Profiler } from "node:inspector";
import { fileURLToPath } from "node:url";

import { Child } from "../child.js";

/** What the process is told. */
export type Order = "processor time" | "http address" | "resident" | "start profile" | "stop profile";

/**
 * Which server: `echo`, the bare transport with the same messages; `fixed`, Usher's server before a service that
 * always answers the same; `usher`, all of it, over a folder; `openfga`, speaking its API too; `buffer` and `block`, with its decision log in that mode.
 */
export type Kind = "echo" | "fixed" | "usher" | "openfga" | "buffer" | "block";

/** A server in a child process, so that it does not share a thread with whoever measures it. */
export class ServerProcess {
  readonly address: string;
  readonly #child: Child;

  private constructor(child: Child, address: string) {
    this.#child = child;
    this.address = address;
  }

  static async start(kind: Kind, folder = ""): Promise<ServerProcess> {
    const { child, ready } = await Child.start(fileURLToPath(new URL("main.js", import.meta.url)), [kind, folder]);
    return new ServerProcess(child, ready as string);
  }

  /** What the process has used so far, in microseconds. */
  cpuUs(): Promise<number> {
    return this.#order("processor time");
  }

  httpAddress(): Promise<string> {
    return this.#order("http address");
  }

  residentBytes(): Promise<number> {
    return this.#order("resident");
  }

  /** Holds all of its threads to the machine's last core, where the system has a way to. */
  pinToOneCore(cores: number): boolean {
    const { status } = spawnSync("taskset", ["--all-tasks", "--cpu-list", "--pid", String(cores - 1), String(this.#child.pid)]);
    return status === 0;
  }

  async startProfile(): Promise<void> {
    await this.#order("start profile");
  }

  stopProfile(): Promise<Profiler.Profile> {
    return this.#order("stop profile");
  }

  close(): Promise<void> {
    return this.#child.close();
  }

  #order<Answer>(order: Order): Promise<Answer> {
    return this.#child.ask<Answer>(order);
  }
}
