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

class Kept extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** A folder of files for one test suite, and a server on a database in it. */
export class Place {
  readonly folder: string;
  readonly #database: Database;
  readonly #server: Server;

  private constructor(folder: string, database: Database, server: Server) {
    this.folder = folder;
    this.#database = database;
    this.#server = server;
  }

  static async open(): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), "usher-cli-"));
    const database = await Database.open(join(folder, "data"));
    const onError = (error: Error) => {
      throw error;
    };
    return new Place(folder, database, await serve(database, { address: "127.0.0.1:0", onError }));
  }

  get address(): string {
    return this.#server.address;
  }

  /** Runs a command line against the server. */
  usher(...words: string[]): Promise<Ran> {
    return usher(words, { environment: { USHER_ADDRESS: this.address } });
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
