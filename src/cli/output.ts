import { styleText } from "node:util";
import { UsherError } from "../base/errors.js";
import type { Terminal } from "./terminal.js";

export interface OutputOptions {
  readonly json: boolean;
  readonly colour: boolean;
}

export type Style = "green" | "red" | "yellow" | "magenta" | "dim" | "bold";

/**
 * Where a command's results go: text for people, or JSON for programs, to stdout; what is said beside them to stderr. A
 * reader who goes away (`usher tuple read | head`) ends the output quietly; a disk that is full does not.
 */
export class Output {
  readonly json: boolean;
  readonly #terminal: Terminal;
  readonly #colour: boolean;
  #closed = false;

  constructor(terminal: Terminal, options: OutputOptions) {
    this.#terminal = terminal;
    this.json = options.json;
    this.#colour = options.colour && !options.json;
  }

  /** Nobody reads any more: a command that only prints may end. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Writes a line of text or one JSON value, whichever the user asked for; waits while the reader is slow. */
  async write(text: () => string, value: () => unknown): Promise<void> {
    await this.#send(`${this.json ? JSON.stringify(value()) : text()}\n`);
  }

  /** Writes text as it stands, in either mode: what a command was asked to print. */
  async print(text: string): Promise<void> {
    await this.#send(text);
  }

  /** Something said beside the result, for people alone. */
  note(text: string): void {
    if (!this.json) this.#terminal.stderr.write(`${text}\n`);
  }

  style(style: Style, text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Returns once the text has left, so that what could not be written is known before the command says that it is done. */
  async #send(text: string): Promise<void> {
    if (this.#closed) return;
    const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => this.#terminal.stdout.write(text, resolve));
    if (error?.code === "EPIPE") this.#closed = true;
    else if (error) throw new UsherError("invalid_file", `the output cannot be written: ${error.message}: see to where it goes`, { cause: error });
  }
}
