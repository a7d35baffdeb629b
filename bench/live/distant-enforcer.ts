import { fileURLToPath } from "node:url";

import { Child } from "../child.js";

export type Order =
  /** Opens a stream to the server and holds so many decisions; the answer is how many are allowed. */
  | { readonly order: "hold"; readonly address: string; readonly held: number; readonly users: number }
  /** Opens a bare stream. */
  | { readonly order: "listen"; readonly address: string }
  /** When what arrived did, on the machine's clock, by id; it is forgotten then. */
  | { readonly order: "arrivals" };

/** An enforcement point in a process of its own, and the other end of the bare stream that it stands beside. */
export class DistantEnforcer {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  static async start(): Promise<DistantEnforcer> {
    const { child } = await Child.start(fileURLToPath(new URL("./main.js", import.meta.url)), []);
    return new DistantEnforcer(child);
  }

  hold(address: string, held: number, users: number): Promise<number> {
    return this.#child.ask({ order: "hold", address, held, users } satisfies Order);
  }

  listen(address: string): Promise<unknown> {
    return this.#child.ask({ order: "listen", address } satisfies Order);
  }

  arrivals(): Promise<Map<number, number>> {
    return this.#child.ask({ order: "arrivals" } satisfies Order);
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}

/** The same in all processes of a machine. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
