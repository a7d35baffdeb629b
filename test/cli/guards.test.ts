import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";

import { openGuards } from "../../src/cli/guards.js";
import { runCommand } from "../../src/cli/program.js";
import type { Terminal } from "../../src/cli/terminal.js";
import { createKey, hashKey } from "../../src/server/access/key.js";

describe("what guards a server", () => {
  let folder: string;
  let keys: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-guards-"));
    keys = join(folder, "keys.yaml");
  });
  afterEach(() => rm(folder, { recursive: true }));

  function write(key: string): void {
    const [, id = ""] = key.split("_");
    writeFileSync(keys, `keys:\n  - {id: ${id}, hash: "sha256:${hashKey(key).toString("hex")}", tenant: default, roles: [read]}\n`, { mode: 0o600 });
  }

  it("is read again as often as is asked, one after the other, and what stands in the file last is in force", async () => {
    const made = Array.from({ length: 20 }, (_, i) => createKey(`k${i}`, randomBytes));
    write(made[0] ?? "");
    const warnings: string[] = [];
    const { access, reload } = await openGuards({ keys }, ({ message }) => warnings.push(message));
    const knows = (key = "") => access?.identify({ authorization: [`Bearer ${key}`], tenant: () => undefined, peer: "" }) !== undefined;
    const reloads = made.map((key) => {
      write(key);
      return reload();
    });
    await Promise.all(reloads);
    assert.deepEqual(made.map(knows), made.map((_, i) => i === made.length - 1));
    writeFileSync(keys, "keys: [");
    await reload();
    assert.match(warnings.at(-1) ?? "", /^not reloaded, what was in force before stays so: .*line 1/);
    assert.ok(knows(made.at(-1)));
  });

  it("may be asked to be read again before there is anything to read: that does not end the process", async () => {
    const heard: string[] = [];
    const terminal: Terminal = {
      stdin: Readable.from([]), stdout: new PassThrough(), stderr: new PassThrough(), environment: {},
      onSignal: () => () => undefined,
      onHangup: () => {
        heard.push("listens");
        return () => void heard.push("forgets");
      },
    };
    assert.equal(await runCommand(["serve", "--data", ""], terminal), 4);
    assert.deepEqual(heard, ["listens", "forgets"]);
  });
});
