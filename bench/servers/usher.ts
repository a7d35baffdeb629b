import { Database } from "../../src/database/database.js";
import { openfgaAdapter } from "../../src/server/adapters/openfga/openfga.js";
import { serve } from "../../src/server/server.js";
import type { Running } from "./running.js";

/** The same, speaking OpenFGA's API too. */
export async function startUsherWithHttp(folder: string): Promise<Running> {
  const database = await Database.open(folder);
  const http = { address: "127.0.0.1:0", adapters: [openfgaAdapter(database)] };
  const server = await serve(database, { address: "127.0.0.1:0", http, onError: (error, path) => console.error(path, error) });
  return { address: server.address, httpAddress: server.httpAddress, close: () => server.close(1_000).then(() => database.close()) };
}

/** Usher as it is: the database in the folder, served; with its decision log, where a mode is given. */
export async function startUsher(folder: string, audit?: "buffer" | "block"): Promise<Running> {
  const database = await Database.open(folder, audit === undefined ? {} : { audit: { mode: audit, version: "bench" } });
  const server = await serve(database, { address: "127.0.0.1:0", onError: (error, path) => console.error(path, error) });
  return {
    address: server.address,
    close: async () => {
      await server.close(1_000);
      await database.close();
    },
  };
}
