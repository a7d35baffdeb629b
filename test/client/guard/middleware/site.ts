import { setTimeout as sleep } from "node:timers/promises";

import type { Guard } from "../../../../src/client/guard/guard.js";
import type { Requirement } from "../../../../src/client/guard/middleware/admission.js";
import { remove, touch } from "../../../../src/client/references.js";
import { connect, Usher } from "../../../../src/client/usher.js";
import { Database } from "../../../../src/database/database.js";
import { object } from "../../../../src/model/object.js";
import { serve } from "../../../../src/server/server.js";
import { inFolder } from "../../../support/folder.js";

const schema = `
  definition user {}
  definition team { relation member: user }
  definition node { relation operator: team#member
    permission view_logs = operator
  }`;

/** Where a guard may have its database. */
export const guards = ["embedded", "remote"] as const;

/** Given to what has none, so that what has one is told apart. */
const nobody = "nobody";

/** A guard and what stands behind it: `user:ana` and `user:bob` may view the logs of `node:n1`, and nobody else may. */
export class GuardedSite {
  readonly guard: Guard;
  readonly #admin: Usher;
  /** How often it was asked what a request needs. */
  asked = 0;
  #opening: Promise<void> = Promise.resolve();

  constructor(guard: Guard, admin: Usher) {
    this.guard = guard;
    this.#admin = admin;
  }

  /** What a request needs, once the test lets it be known. */
  async requirement(node: string | undefined, user: string | readonly string[] | undefined): Promise<Requirement> {
    this.asked++;
    await this.#opening;
    return { object: object("node", node ?? nobody), permission: "view_logs", subject: object("user", typeof user === "string" ? user : nobody) };
  }

  /** Keeps what is asked from now on waiting, until the function that it returns is called. */
  keepWaiting(): () => void {
    let open: () => void = () => undefined;
    this.#opening = new Promise((resolve) => (open = resolve));
    return open;
  }

  /** Takes what this user may, and tells how many decisions were to be enforced, and were. */
  readonly revoke = async (user: string): Promise<{ readonly affected: number; readonly acknowledged: number }> => {
    const { enforcement } = await this.#admin.write([remove(`team:sre#member@user:${user}`)], { metadata: { reason: "offboarded" }, awaitEnforcementMs: 12_000 });
    return { affected: enforcement?.affected ?? 0, acknowledged: enforcement?.acknowledged ?? 0 };
  };
}

export async function onGuardedSite(where: (typeof guards)[number], body: (site: GuardedSite) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const database = await Database.open(folder);
    const server = await serve(database, { address: "127.0.0.1:0", onError: (error) => console.error(error) });
    const admin = new Usher(database);
    const client = where === "embedded" ? admin : await connect(server.address);
    try {
      await admin.writeSchema(schema);
      await admin.write([touch("team:sre#member@user:ana"), touch("team:sre#member@user:bob"), touch("node:n1#operator@team:sre#member")]);
      const guard = client.guard();
      await guard.ready();
      await body(new GuardedSite(guard, admin));
    } finally {
      if (client !== admin) await client.close();
      await server.close(0);
      await database.close();
    }
  });
}

/** Lines without an end, and how many are being told. */
export class Tail {
  readers = 0;

  async *lines(): AsyncGenerator<string> {
    this.readers++;
    try {
      for (let line = 1; ; line++) {
        yield `data: line ${line}\n\n`;
        await sleep(2);
      }
    } finally {
      this.readers--;
    }
  }
}
