import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { runCommand } from "../../src/cli/program.js";
import type { Terminal } from "../../src/cli/terminal.js";
import { Database } from "../../src/database/database.js";
import { serve, type Server } from "../../src/server/server.js";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. */
export async function usher(words: readonly string[], input: { readonly stdin?: string; readonly environment?: Terminal["environment"] } = {}): Promise<Ran> {
  const [stdout, stderr] = [new Kept(), new Kept()];
  const terminal: Terminal = { stdin: Readable.from([input.stdin ?? ""]), stdout, stderr, environment: input.environment ?? {}, onSignal: () => () => undefined, onHangup: () => () => undefined };
  const code = await runCommand(words, terminal);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** A command line that goes on until it is interrupted, in this process. */
export class Running {
  readonly ended: Promise<Ran>;
  readonly #stdout = new Kept();
  readonly #stderr = new Kept();
  #interrupt: () => void = () => undefined;

  constructor(words: readonly string[], input: { readonly stdin?: string; readonly environment?: Terminal["environment"] } = {}) {
    const onSignal = (listener: () => void) => {
      this.#interrupt = listener;
      return () => undefined;
    };
    const terminal: Terminal = { stdin: Readable.from([input.stdin ?? ""]), stdout: this.#stdout, stderr: this.#stderr, environment: input.environment ?? {}, onSignal, onHangup: () => () => undefined };
    this.ended = runCommand(words, terminal).then((code) => ({ code, stdout: this.#stdout.text, stderr: this.#stderr.text }));
  }

  /** The lines that it has written, once there are so many. Fails where it ends before. */
  async lines(count: number): Promise<string[]> {
    const early = this.ended.then(({ code, stderr }) => Promise.reject(new Error(`it ended with exit code ${code}: ${stderr}`)));
    const text = await Promise.race([this.#stdout.until((written) => written.split("\n").length > count), early]);
    return text.split("\n").slice(0, count);
  }

  interrupt(): Promise<Ran> {
    this.#interrupt();
    return this.ended;
  }
}

class Kept extends Writable {
  text = "";
  readonly #waiting = new Set<() => void>();

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
    for (const look of [...this.#waiting]) look();
  }

  until(enough: (text: string) => boolean): Promise<string> {
    return new Promise((resolve) => {
      const look = () => {
        if (!enough(this.text)) return;
        this.#waiting.delete(look);
        resolve(this.text);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** A folder of files for one test suite, and a server on a database in it. */
export class Place {
  readonly folder: string;
  readonly #database: Database;
  #server: Server;

  private constructor(folder: string, database: Database, server: Server) {
    this.folder = folder;
    this.#database = database;
    this.#server = server;
  }

  static async open(): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), "usher-cli-"));
    const database = await Database.open(join(folder, "data"));
    return new Place(folder, database, await serve(database, { address: "127.0.0.1:0", onError }));
  }

  /** The server goes, and another one comes at its address. @param meanwhile what befalls the database while there is none */
  async restartServer(meanwhile: (database: Database) => Promise<unknown>): Promise<void> {
    const { address } = this;
    await this.#server.close(0);
    await meanwhile(this.#database);
    this.#server = await serve(this.#database, { address, onError });
  }

  get address(): string {
    return this.#server.address;
  }

  /** Runs a command line against the server. */
  usher(...words: string[]): Promise<Ran> {
    return usher(words, { environment: { USHER_ADDRESS: this.address } });
  }

  /** Runs one against the server until it is interrupted. */
  start(words: readonly string[], stdin = ""): Running {
    return new Running(words, { stdin, environment: { USHER_ADDRESS: this.address } });
  }

  async file(name: string, text: string | Uint8Array): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  async close(): Promise<void> {
    await this.#server.close(1_000);
    await this.#database.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function onError(error: Error): never {
  throw error;
}
