import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { LiveTokens } from "../../../src/client/browser/live-tokens.js";
import { browserStream, type BrowserStreamOptions } from "../../../src/client/browser/stream.js";
import type { Guard, GuardOptions } from "../../../src/client/guard/guard.js";
import { touch } from "../../../src/client/references.js";
import { Usher } from "../../../src/client/usher.js";
import { Database } from "../../../src/database/database.js";
import { inFolder } from "../../support/folder.js";

const schema = `
  definition user {}
  definition node { relation operator: user
    permission restart = operator
  }`;

export interface BrowserSite {
  readonly usher: Usher;
  readonly guard: Guard;
  readonly tokens: LiveTokens;
  readonly url: string;
}

/** A service with a database in it: `user:ana` may restart `node:n1`, and not `node:n2`. */
export async function onBrowserSite(body: (site: BrowserSite) => Promise<void>, options: BrowserStreamOptions = {}, guardOptions: GuardOptions = {}): Promise<void> {
  await inFolder(async (folder) => {
    const usher = new Usher(await Database.open(folder));
    await usher.writeSchema(schema);
    await usher.write([touch("node:n1#operator@user:ana")]);
    const guard = usher.guard(guardOptions);
    const tokens = new LiveTokens("0123456789abcdef0123456789abcdef");
    const server = createServer(browserStream(guard, tokens, options)).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      await body({ usher, guard, tokens, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/live` });
    } finally {
      server.closeAllConnections();
      server.close();
      await usher.close();
    }
  });
}

/** Waits for what others bring about, and fails by the test's own timeout. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}
