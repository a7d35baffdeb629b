import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

/** `usher serve` as a process of its own, over one folder; it can be killed and started again at the same address. */
export class ServerProcess {
  readonly #data: string;
  #child: ChildProcess | undefined;
  #address = "127.0.0.1:0";
  #metricsAddress = "";
  #httpAddress = "";
  #log = "";

  constructor(data: string) {
    this.#data = data;
  }

  get address(): string {
    return this.#address;
  }

  /** Where HTTP is served, if it was started so. */
  get httpAddress(): string {
    return this.#httpAddress;
  }

  /** What it wrote to stderr since it was last started. */
  get log(): string {
    return this.#log;
  }

  async start(...options: string[]): Promise<void> {
    this.#log = "";
    const words = ["serve", "--data", this.#data, "--address", this.#address, "--metrics-address", "127.0.0.1:0", "--json", ...options];
    const child = spawn(process.execPath, [main, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    child.stderr.on("data", (chunk: Buffer) => (this.#log += chunk.toString()));
    const line = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    if (line.done === true) throw new Error(`the server did not start: ${this.#log}`);
    const { address, metricsAddress, httpAddress = "" } = JSON.parse(line.value) as { address: string; metricsAddress: string; httpAddress?: string };
    this.#address = address;
    this.#metricsAddress = metricsAddress;
    this.#httpAddress = httpAddress;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** How it ended: an exit code, or the signal. */
  async ended(): Promise<number | string | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.exitCode ?? child.signalCode;
  }

  /** The value of one series of its metrics; NaN: there is none. */
  async metric(series: string): Promise<number> {
    const text = await (await fetch(`http://${this.#metricsAddress}/metrics`)).text();
    const line = text.split("\n").find((each) => each.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1) ?? Number.NaN);
  }

  async probe(path: string): Promise<number> {
    return (await fetch(`http://${this.#metricsAddress}${path}`)).status;
  }

  async stop(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }
}
