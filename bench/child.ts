import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** What a child sends back: first, unasked, that it is there; then the outcome of each order. */
type Outcome = { readonly answer: unknown } | { readonly error: string };

/** A process of its own that obeys orders, one at a time: what is measured must not share a thread with whoever measures it. */
export class Child {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Resolves once the program is ready, to the child and what it said then. */
  static async start(program: string, args: readonly string[]): Promise<{ child: Child; ready: unknown }> {
    const child = new Child(fork(program, args, { serialization: "advanced" }));
    return { child, ready: await child.#outcome() };
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async ask<Answer>(order: unknown): Promise<Answer> {
    if (!this.#process.connected) throw new Error("the process has ended");
    const outcome = this.#outcome();
    this.#process.send(order as object);
    return (await outcome) as Answer;
  }

  /** Lets it end by itself, as its last order. */
  close(): Promise<void> {
    return this.#end(() => {
      if (this.#process.connected) this.#process.disconnect();
    });
  }

  /** As a failing machine would. */
  kill(): Promise<void> {
    return this.#end(() => void this.#process.kill("SIGKILL"));
  }

  async #end(act: () => void): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, "exit");
    act();
    await exit;
  }

  #outcome(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null, signal: string | null) => reject(new Error(`the process ended with ${code ?? signal}`));
      this.#process.once("exit", onExit);
      this.#process.once("message", (message) => {
        this.#process.off("exit", onExit);
        const outcome = message as Outcome;
        if ("error" in outcome) reject(new Error(outcome.error));
        else resolve(outcome.answer);
      });
    });
  }
}

/** The child's side: says that it is ready, and obeys. Without the one who measures it there is nothing to go on for. */
export function obeyParent<Order>(ready: unknown, obey: (order: Order) => Promise<unknown>, end: () => Promise<unknown>): void {
  const send = (outcome: Outcome) => process.send?.(outcome);
  process.on("message", (order: Order) => {
    obey(order).then(
      (answer) => send({ answer }),
      (error: unknown) => send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on("disconnect", () => {
    end().then(
      () => process.exit(),
      () => process.exit(1),
    );
  });
  send({ answer: ready });
}
