import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { factsOf, flagOf, settingKeys, variableOf } from "../../src/server/configuration/options.js";
import { usher } from "./command-line.js";

describe("usher config", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-config-"));
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  it("prints each option, its value and where it came from, and no secret", async () => {
    const file = join(folder, "usher.yaml");
    await writeFile(file, "drain: 5s\nmetricsToken: do-not-show\n");
    const words = ["config", "--config", file, "--data", "x", "--address", "127.0.0.1:7", "--accept-clock"];
    const { code, stdout, stderr } = await usher(words, { environment: { USHER_HORIZON: "2h", USHER_KEY: "of a client" } });
    assert.deepEqual([code, stderr], [0, ""]);
    const rows = new Map(stdout.trim().split("\n").map((line) => [line.split(/\s+/)[0], line.split(/\s+/).slice(1).join(" ")]));
    assert.deepEqual([...rows.keys()], settingKeys);
    assert.deepEqual(
      ["data", "address", "acceptClock", "horizon", "drain", "metricsToken", "slowCall", "keys"].map((key) => rows.get(key)),
      ["x --data", "127.0.0.1:7 --address", "true --accept-clock", "2h USHER_HORIZON", `5s drain in ${file}`, `(secret) metricsToken in ${file}`, "1s default", "- default"],
    );
  });

  it("prints JSON", async () => {
    const { stdout } = await usher(["config", "--json", "--data", "x"], { environment: { USHER_METRICS_TOKEN: "do-not-show", USHER_ADDRESS: "127.0.0.1:9" } });
    const all = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual(Object.keys(all), settingKeys);
    assert.deepEqual(all["address"], { value: "127.0.0.1:9", source: "environment", from: "USHER_ADDRESS" });
    assert.deepEqual(all["metricsToken"], { value: "(secret)", source: "environment", from: "USHER_METRICS_TOKEN" });
    assert.deepEqual(all["keys"], { value: null, source: "default" });
  });

  it("says all that is wrong, with its names", async () => {
    const { code, stdout, stderr } = await usher(["config", "--drain", "soon", "--tls-key", "k"], { environment: { USHER_DRIAN: "1s" } });
    assert.deepEqual([code, stdout], [4, ""]);
    for (const told of [/^usher: invalid_configuration: 3 things are wrong/, /`USHER_DRIAN`.*is it `USHER_DRAIN`\?/, /`--drain` is `soon`/, /`data` is missing/]) assert.match(stderr, told);
  });

  it("has no flag for a secret, and help for everything", async () => {
    assert.equal((await usher(["config", "--data", "x", "--metrics-token", "t"])).code, 2);
    for (const command of ["serve", "config"]) {
      const { stdout } = await usher([command, "--help"]);
      for (const key of settingKeys) {
        assert.ok(stdout.includes(variableOf(key)), key);
        assert.ok(factsOf(key).secret === true || stdout.includes(flagOf(key)) || stdout.includes(`  ${key} `), key);
      }
    }
  });
});
