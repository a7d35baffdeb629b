import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CredentialsMethod, OpenFgaClient, type AuthorizationModel } from "@openfga/sdk";

import type { Access } from "../../../../src/server/access/access.js";
import { Database } from "../../../../src/database/database.js";
import { parseModel } from "../../../../src/server/adapters/openfga/convert.js";
import { openfgaAdapter } from "../../../../src/server/adapters/openfga/openfga.js";
import { serve, type Server } from "../../../../src/server/server.js";

/** A server that speaks OpenFGA's API, on a database of its own. */
export class FgaServer {
  readonly database: Database;
  readonly url: string;
  readonly #server: Server;
  readonly #folder: string;

  private constructor(database: Database, server: Server, folder: string) {
    this.database = database;
    this.#server = server;
    this.#folder = folder;
    this.url = `http://${server.httpAddress ?? ""}`;
  }

  /** @param guard makes who may do what, from a folder for its keys */
  static async open(guard?: (folder: string) => Promise<Access>): Promise<FgaServer> {
    const folder = await mkdtemp(join(tmpdir(), "usher-fga-"));
    const database = await Database.open(join(folder, "data"));
    const access = await guard?.(folder);
    const server = await serve(database, {
      address: "127.0.0.1:0",
      http: { address: "127.0.0.1:0", adapters: [openfgaAdapter(database)] },
      ...(access !== undefined && { access }),
      onError: (error) => console.error(error),
    });
    return new FgaServer(database, server, folder);
  }

  /** OpenFGA's own client, on a new store with the model. */
  async store(dsl?: string): Promise<OpenFgaClient> {
    const { id } = await this.client().createStore({ name: "a store" });
    const client = this.client(id);
    if (dsl !== undefined) await this.model(client, dsl);
    return client;
  }

  client(storeId?: string, key?: string): OpenFgaClient {
    const credentials = key === undefined ? {} : { credentials: { method: CredentialsMethod.ApiToken as const, config: { token: key } } };
    return new OpenFgaClient({ apiUrl: this.url, ...credentials, ...(storeId !== undefined && { storeId }), retryParams: { maxRetry: 0 } });
  }

  async model(client: OpenFgaClient, dsl: string): Promise<string> {
    const model = parseModel(dsl) as unknown as AuthorizationModel;
    return (await client.writeAuthorizationModel(model)).authorization_model_id;
  }

  async close(): Promise<void> {
    await this.#server.close(0);
    await this.database.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
