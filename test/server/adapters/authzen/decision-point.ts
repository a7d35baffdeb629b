import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Database } from "../../../../src/database/database.js";
import { authzenAdapter } from "../../../../src/server/adapters/authzen/authzen.js";
import { loadAuthzenMapping, noMapping } from "../../../../src/server/adapters/authzen/mapping.js";
import { serve, type Server, type ServerOptions } from "../../../../src/server/server.js";
import { parseTuple } from "../../../../src/model/tuple-text.js";
import { ask, type Answered, type Asked } from "../../http/probe.js";

/** A server that answers AuthZEN, over a database of its own. */
export class DecisionPoint {
  readonly database: Database;
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string, database: Database, server: Server) {
    this.#folder = folder;
    this.database = database;
    this.#server = server;
  }

  /** @param mapping as YAML */
  static async open(schema: string, tuples: readonly string[], { mapping, ...options }: Partial<ServerOptions> & { mapping?: string } = {}): Promise<DecisionPoint> {
    const folder = await mkdtemp(join(tmpdir(), "usher-authzen-"));
    const database = await Database.open(join(folder, "data"));
    await database.writeSchema({ text: schema }, {});
    if (tuples.length > 0) await database.writeTuples({ operations: tuples.map((text) => ({ kind: "touch", tuple: parseTuple(text) })) }, {});
    const file = join(folder, "mapping.yaml");
    await writeFile(file, mapping ?? "");
    const adapter = authzenAdapter(database, mapping === undefined ? noMapping : await loadAuthzenMapping(file));
    const server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), http: { address: "127.0.0.1:0", adapters: [adapter] }, ...options });
    return new DecisionPoint(folder, database, server);
  }

  get address(): string {
    return this.#server.httpAddress ?? "";
  }

  /** @param path behind `/access/v1/` */
  async ask(path: string, body: unknown, more: Asked = {}): Promise<Answered> {
    return ask(this.address, `/access/v1/${path}`, { body, ...more });
  }

  /** The body of an answer that is one. */
  async answer(path: string, body: unknown): Promise<Reply> {
    const answered = await this.ask(path, body);
    assert.equal(answered.status, 200, answered.text);
    return answered.body as Reply;
  }

  async close(): Promise<void> {
    await this.#server.close(100);
    await this.database.close();
    await rm(this.#folder, { recursive: true });
  }
}

export interface Outcome {
  readonly decision: boolean;
  readonly context: { readonly zookie?: string; readonly reason?: string; readonly missing_fields?: readonly string[]; readonly valid_for_ms?: number; readonly error?: { readonly status: number; readonly code: string } };
}

/** Of any of the endpoints. */
export interface Reply extends Outcome {
  readonly evaluations?: readonly Outcome[];
  readonly results?: readonly { readonly type?: string; readonly id?: string; readonly name?: string }[];
  readonly page?: { readonly next_token: string; readonly count: number };
}
