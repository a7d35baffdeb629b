import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";

import { machineTime, SteadyClock, type Clock, type Instant } from "../../../src/base/clock.js";
import { connect, type Usher } from "../../../src/client/usher.js";
import type { RemoteOptions } from "../../../src/client/remote.js";
import { Database } from "../../../src/database/database.js";
import type { Role } from "../../../src/model/role.js";
import { createAccess, type Access } from "../../../src/server/access/access.js";
import type { AuthenticationEvent } from "../../../src/server/access/events.js";
import { createKey, hashKey } from "../../../src/server/access/key.js";
import type { KeyEntry } from "../../../src/server/access/key-entry.js";
import { addKey } from "../../../src/server/access/keys-file.js";
import { serve, type Server, type ServerOptions } from "../../../src/server/server.js";

export const schemaText = `
definition user {}
definition doc { relation viewer: user; permission view = viewer }`;

/** The machine's time, which a test can hold still for as long as it needs to come to a certain instant. */
class HeldClock implements Clock {
  readonly #steady = new SteadyClock(machineTime);
  #held: Instant | undefined;

  now(): Instant {
    return this.#held ?? this.#steady.now();
  }

  /** @returns the instant at which time stands, until `release` */
  hold(): Instant {
    return (this.#held = this.#steady.now());
  }

  release(): void {
    this.#held = undefined;
  }
}

/** A guarded server on a database of its own, with tenants `a` and `b` beside `default`. */
export class Place {
  readonly folder: string;
  readonly database: Database;
  readonly access: Access;
  readonly clock: HeldClock;
  readonly events: AuthenticationEvent[];
  server: Server;
  readonly #clients: Usher[] = [];

  private constructor(folder: string, database: Database, access: Access, clock: HeldClock, events: AuthenticationEvent[], server: Server) {
    this.folder = folder;
    this.database = database;
    this.access = access;
    this.clock = clock;
    this.events = events;
    this.server = server;
  }

  static async open(options: Partial<ServerOptions> = {}): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), "usher-access-"));
    const database = await Database.open(join(folder, "data"));
    for (const name of ["a", "b"]) await database.createTenant({ name }, {});
    for (const tenant of ["default", "a", "b"]) await database.writeSchema({ text: schemaText }, { tenant });
    await addKey(join(folder, "keys.yaml"), { id: "first", proof: { kind: "key", hash: hashKey("") }, tenant: "default", roles: new Set(["read"]) });
    const events: AuthenticationEvent[] = [];
    const clock = new HeldClock();
    const access = await createAccess({ file: join(folder, "keys.yaml"), clock, events: { onAuthentication: (event) => events.push(event) } });
    const server = await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), access, quotas: database, ...options });
    return new Place(folder, database, access, clock, events, server);
  }

  get keys(): string {
    return join(this.folder, "keys.yaml");
  }

  /** Adds a key to the file and has it read. */
  async key(id: string, tenant: string, roles: readonly Role[], more: Partial<KeyEntry> = {}): Promise<string> {
    const key = createKey(id, randomBytes);
    await addKey(this.keys, { id, proof: { kind: "key", hash: hashKey(key) }, tenant, roles: new Set(roles), ...more });
    await this.access.reload();
    return key;
  }

  async client(options: RemoteOptions & { tenant?: string } = {}): Promise<Usher> {
    const usher = await connect(this.server.address, options);
    this.#clients.push(usher);
    return usher;
  }

  async close(): Promise<void> {
    for (const usher of this.#clients) await usher.close();
    await this.server.close(100);
    await this.database.close();
    await rm(this.folder, { recursive: true });
  }
}
