import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./point-program.js", import.meta.url));

export interface Read {
  readonly allowed: boolean;
  /** Absent: it allows. */
  readonly reason?: string;
}

/** Each line has one of them, but for `now`, which has the last two as well. */
export interface Said {
  readonly held?: Read;
  readonly dozing?: Read;
  readonly woken?: Read;
  readonly aborted?: string;
  readonly now?: Read;
  /** When it last allowed, by the wall clock. */
  readonly allowedAt?: number;
  /** How often it was read. */
  readonly reads?: number;
}

/** An enforcement point in a process of its own, which holds one permission and reads it every millisecond; it can be stopped and go on. */
export class PointProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #log = "";

  constructor(address: string, leaseMs: number, question: readonly [object: string, permission: string, subject: string]) {
    const child = spawn(process.execPath, ["--enable-source-maps", program, address, String(leaseMs), ...question], { stdio: ["pipe", "pipe", "pipe"] });
    child.stderr.on("data", (chunk: Buffer) => (this.#log += chunk.toString()));
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line that says so. */
  async said<Name extends keyof Said>(name: Name): Promise<Said & Required<Pick<Said, Name>>> {
    for (;;) {
      const line = await this.#lines.next();
      if (line.done === true) throw new Error(`the enforcement point has ended: ${this.#log}`);
      const said = JSON.parse(line.value) as Said;
      if (said[name] !== undefined) return said as Said & Required<Pick<Said, Name>>;
    }
  }

  async ask<Name extends keyof Said>(word: "now" | "doze", name: Name): Promise<Said & Required<Pick<Said, Name>>> {
    this.#child.stdin?.write(`${word}\n`);
    return this.said(name);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.signal("SIGKILL");
    await once(this.#child, "exit");
  }
}
