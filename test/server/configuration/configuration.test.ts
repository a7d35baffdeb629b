import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { memoryBudgetBytesDefault, memoryBudgetBytesMax } from "../../../src/base/memory-budget.js";
import { loadConfiguration, type Configuration, type ConfigurationSources } from "../../../src/server/configuration/configuration.js";
import { metricsAddressOf } from "../../../src/server/configuration/metrics-address.js";
import { defaultOf, factsOf, flagOf, settingKeys, variableOf, type SettingKey } from "../../../src/server/configuration/options.js";

describe("the configuration", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "usher-configuration-"));
  });
  after(async () => rm(folder, { recursive: true, force: true }));

  function load(sources: Partial<ConfigurationSources>): Promise<Configuration> {
    return loadConfiguration({ flags: {}, environment: {}, otherVariables: ["USHER_KEY"], ...sources });
  }

  async function loadFile(text: string | Uint8Array, more: Partial<ConfigurationSources> = {}): Promise<Configuration> {
    const file = join(folder, "usher.yaml");
    await writeFile(file, text);
    return load({ file, ...more });
  }

  async function refused(loading: Promise<Configuration>, keys: string, ...messages: RegExp[]): Promise<void> {
    await assert.rejects(loading, (error: UsherError) => {
      assert.equal(error.code, "invalid_configuration");
      assert.equal(error.details["keys"], keys, error.message);
      for (const message of messages) assert.match(error.message, message);
      return true;
    });
  }

  const entry = ({ entries }: Configuration, key: string) => entries.find((each) => each.key === key);

  describe("where a value comes from", () => {
    it("is the flag before the variable before the file before the default", async () => {
      const file = "data: from-file\nhorizon: 1h\ndrain: 1s\n";
      const all = await loadFile(file, { flags: { horizon: "3h" }, environment: { USHER_HORIZON: "2h", USHER_DRAIN: "2s" } });
      assert.deepEqual([all.settings.horizon, all.settings.drain, all.settings.data, all.settings.slowCall], [3 * 3_600_000, 2_000, "from-file", limits.slowCallMs]);
      assert.deepEqual(entry(all, "horizon"), { key: "horizon", text: "3h", source: "flag", from: "--horizon" });
      assert.deepEqual(entry(all, "drain"), { key: "drain", text: "2s", source: "environment", from: "USHER_DRAIN" });
      assert.deepEqual(entry(all, "data"), { key: "data", text: "from-file", source: "file", from: `data in ${join(folder, "usher.yaml")}` });
      assert.deepEqual(entry(all, "slowCall"), { key: "slowCall", text: "1s", source: "default", from: "" });
    });

    it("has a flag, a variable and a description for each, and a default that is valid", async () => {
      const { settings, entries } = await load({ flags: { data: "x" } });
      assert.deepEqual(entries.map(({ key }) => key), settingKeys);
      for (const key of settingKeys) {
        assert.notEqual(factsOf(key).description, "", key);
        assert.match(flagOf(key), /^--[a-z]+(-[a-z]+)*$/);
        assert.match(variableOf(key), /^USHER_[A-Z]+(_[A-Z]+)*$/);
        assert.ok(key === "data" || defaultOf(key) !== undefined || settings[key] === undefined, key);
      }
      assert.deepEqual([flagOf("tlsClientCa"), variableOf("metricsAddress")], ["--tls-client-ca", "USHER_METRICS_ADDRESS"]);
    });

    it("is the file that the environment names, where no flag does", async () => {
      await writeFile(join(folder, "named.yaml"), "data: named");
      const { settings } = await load({ environment: { USHER_CONFIG: join(folder, "named.yaml") } });
      assert.equal(settings.data, "named");
    });

    it("takes numbers and booleans of the file as they are, and nothing from an empty file or variable", async () => {
      const { settings } = await loadFile("data: 12\nreflection: false\ncallsMax: 100\n");
      assert.deepEqual([settings.data, settings.reflection, settings.callsMax], ["12", false, 100]);
      const { settings: other } = await loadFile("# nothing\n", { environment: { USHER_DATA: "x", USHER_DRAIN: "" } });
      assert.deepEqual([other.data, other.drain], ["x", limits.drainMsDefault]);
    });

    it("is a size with a unit, or in bytes", async () => {
      const budgets = await Promise.all(["512MiB", "1GB", "300000KB", "134217728"].map(async (memoryBudget) => (await load({ flags: { data: "x", memoryBudget } })).settings.memoryBudget));
      assert.deepEqual(budgets, [536_870_912, 1e9, 3e8, 134_217_728]);
      const { settings, entries } = await loadFile("data: x\nmemoryBudget: 100000000\n", { environment: { USHER_MEMORY_BUDGET: "64MiB" } });
      assert.equal(settings.memoryBudget, 67_108_864);
      assert.deepEqual(entries.find(({ key }) => key === "memoryBudget"), { key: "memoryBudget", text: "64MiB", source: "environment", from: "USHER_MEMORY_BUDGET" });
      assert.equal((await loadFile("data: x\nmemoryBudget: 100000000\n")).settings.memoryBudget, 1e8);
      assert.equal((await load({ flags: { data: "x" } })).settings.memoryBudget, memoryBudgetBytesDefault());
    });

    it("is a list of names, from a flag that is repeated or with commas, each once", async () => {
      const hashed = async (auditHashField: string) => (await load({ flags: { data: "x", auditHashField } })).settings.auditHashField;
      assert.deepEqual(await hashed("password"), ["password"]);
      assert.deepEqual(await hashed("password, token,password"), ["password", "token"]);
      assert.equal((await load({ flags: { data: "x" } })).settings.auditHashField, undefined);
      for (const wrong of ["", ",", "a,,b", "a b", "1x"]) await refused(load({ flags: { data: "x", auditHashField: wrong } }), "auditHashField", /names with commas/);
    });

    it("says of the decision log whether there is one, who signs it, how long it is kept, and what of it", async () => {
      const { settings } = await load({ flags: { data: "x" } });
      const { audit, auditCheckpointInterval, auditRetentionAge, auditRetentionSize, auditSample } = settings;
      assert.deepEqual([audit, auditCheckpointInterval, auditRetentionAge, auditRetentionSize, auditSample], ["buffer", limits.auditCheckpointMs, Infinity, Infinity, 1]);
      const given = await loadFile("data: x\naudit: buffer\nauditCheckpointInterval: 1s\nauditWitness: https://witness.example/log\nauditRetentionAge: 90d\nauditRetentionSize: 1MiB\nauditSample: 1000000\n");
      assert.deepEqual([given.settings.auditCheckpointInterval, given.settings.auditWitness, given.settings.auditRetentionAge, given.settings.auditRetentionSize, given.settings.auditSample], [1_000, "https://witness.example/log", 90 * 86_400_000, 2 ** 20, 1_000_000]);
      const wrong: [SettingKey, string][] = [["audit", "on"], ["auditCheckpointInterval", "999ms"], ["auditCheckpointInterval", "25h"], ["auditWitness", "ftp://x"], ["auditWitness", "witness"], ["auditRetentionSize", "1048575"], ["auditSample", "0"], ["auditSample", "1000001"]];
      for (const [key, value] of wrong) await refused(load({ flags: { data: "x", [key]: value } }), key);
      await refused(load({ flags: { data: "x", audit: "off", auditWitness: "https://witness.example" } }), "auditWitness,audit", /there is nothing to be sent/);
      await refused(load({ flags: { data: "x", audit: "block", auditSample: "2" } }), "auditSample,audit", /sample with `buffer`/);
    });

    it("never shows a secret, in what is in force or in what is wrong", async () => {
      const secret = "do-not-show-this";
      const shown = await load({ flags: { data: "x" }, environment: { USHER_METRICS_TOKEN: secret } });
      assert.equal(shown.settings.metricsToken, secret);
      assert.deepEqual(entry(shown, "metricsToken"), { key: "metricsToken", text: "(secret)", source: "environment", from: "USHER_METRICS_TOKEN" });
      await assert.rejects(load({ environment: { USHER_METRICS_TOKEN: secret, USHER_METRICS_ADDRESS: "off" } }), (error: UsherError) => !error.message.includes(secret));
      await assert.rejects(loadFile(`metricsToken: [${secret}]\ndata: x`), (error: UsherError) => !error.message.includes(secret));
    });
  });

  describe("what is wrong", () => {
    it("is told together, each with its name and what it should be", async () => {
      const loading = loadFile("drian: 1s\nwatchersMax: 0\n", { flags: { horizon: "never" }, environment: { USHER_DRAIN: "soon", USHER_HORIZN: "1h" } });
      await assert.rejects(loading, ({ code, details, message }: UsherError) => {
        assert.equal(code, "invalid_configuration");
        assert.deepEqual(details["keys"]?.split(",").sort(), ["USHER_HORIZN", "data", "drain", "drian", "horizon", "watchersMax"]);
        assert.match(message, /^6 things are wrong:\n {2}- /);
        for (const told of [/`--horizon` is `never`: it must be `unlimited` or a duration/, /`USHER_DRAIN` is `soon`/, /`watchersMax in .*` is `0`: it must be a whole number from 1 to 1000/, /`data` is missing/]) assert.match(message, told);
        return true;
      });
    });

    it("names a key that is near", async () => {
      await refused(loadFile("data: x\ndrian: 1s\n"), "drian", /`drian`, which is no key: is it `drain`\?/);
      await refused(loadFile("data: x\ncolour: red\n"), "colour", /`colour`, which is no key: remove it/);
      await refused(load({ flags: { data: "x" }, environment: { USHER_HORIZN: "1h" } }), "USHER_HORIZN", /is it `USHER_HORIZON`\?/);
    });

    it("leaves what is not its own: other commands' variables, and what an orchestrator says of services", async () => {
      const environment = {
        USHER_KEY: "k", HOME: "/", USHER_SERVICE_HOST: "10.0.0.1", USHER_SERVICE_PORT: "1", USHER_SERVICE_PORT_GRPC: "1", USHER_PORT: "tcp://10.0.0.1:1",
        USHER_PORT_50051_TCP: "x", USHER_PORT_50051_TCP_ADDR: "x", USHER_METRICS_SERVICE_HOST: "x", USHER_METRICS_PORT_9_TCP_PROTO: "x",
      };
      assert.equal((await load({ flags: { data: "x" }, environment })).settings.data, "x");
    });

    it("is a file that is not there, no YAML, no map, twice the same key, nested, or too large", async () => {
      await assert.rejects(load({ file: join(folder, "absent.yaml") }), (error: UsherError) => error.code === "invalid_configuration" && /absent\.yaml` cannot be read/.test(error.message));
      await assert.rejects(loadFile("data: [x"), /cannot be read as YAML: line 1/);
      await assert.rejects(loadFile("- data\n"), /is no map of keys/);
      await assert.rejects(loadFile("data: x\ndata: y\n"), /cannot be read as YAML: line 2, column 1: map keys must be unique/);
      await refused(loadFile("data: x\ndrain: {s: 10}\n"), "drain", /`drain` in file .* must be one text, number or boolean/);
      await refused(loadFile("data: &a x\nkeys: *a\n"), "keys", /must be one text/);
      await assert.rejects(loadFile(Buffer.alloc(limits.configurationBytesMax + 1, "#")), /cannot be read: it has 1048577 bytes/);
    });

    it("has a code and names what it is about, whatever a file and an environment hold, and shows no secret", async () => {
      const secret = "s3cr3t";
      const good = `data: x\ndrain: 5s\nmetricsToken: ${secret}\nhorizon: 1h\nkeys: "a b"\n`;
      // Without what would make a key of the secret.
      const noise = fc.string({ unit: fc.constantFrom(..."ab-[]{}&*!|>\"'#, %@`0\\\0\u00e9"), maxLength: 6 });
      const file = fc.tuple(fc.nat(good.length), fc.nat(3), noise).map(([at, cut, put]) => good.slice(0, at) + put + good.slice(at + cut));
      const value = fc.oneof(fc.constantFrom("", "true", "1h", "unlimited", "127.0.0.1:0", "off", secret), fc.string({ maxLength: 20 }), fc.string({ unit: "binary", maxLength: 5 }));
      const names = settingKeys.map(variableOf).filter((name) => !name.endsWith("TOKEN"));
      const environment = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.stringMatching(/^USHER_[A-Z_]{1,8}$/)), value.filter((text) => text !== secret), { maxKeys: 4 });
      await fc.assert(
        fc.asyncProperty(file, environment, async (text, variables) => {
          try {
            const { settings, entries } = await loadFile(text, { environment: { ...variables, USHER_METRICS_TOKEN: secret } });
            assert.notEqual(settings.data, "");
            assert.ok(!JSON.stringify(entries).includes(secret));
          } catch (error) {
            assert.ok(error instanceof UsherError && error.code === "invalid_configuration", String(error));
            const keys = error.details["keys"]?.split(",") ?? [];
            const namesOf = (key: string) => (settingKeys.some((known) => known === key) ? [key, flagOf(key as SettingKey), variableOf(key as SettingKey)] : [key]);
            for (const key of keys) assert.ok(namesOf(key).some((name) => error.message.includes(JSON.stringify(name).slice(1, -1))), `${key}: ${error.message}`);
            assert.ok(keys.some((key) => key !== "") || /usher\.yaml` cannot be read as YAML: line \d/.test(error.message), error.message);
            assert.ok(!error.message.includes(secret), error.message);
          }
        }),
        { numRuns: 400 },
      );
    });

    it("is a memory budget that would not leave room for anything, or that the heap cannot hold", async () => {
      const max = memoryBudgetBytesMax();
      const budget = (bytes: number) => load({ flags: { data: "x", memoryBudget: String(bytes) } });
      assert.equal((await budget(limits.memoryBudgetBytesMin)).settings.memoryBudget, limits.memoryBudgetBytesMin);
      assert.equal((await budget(max)).settings.memoryBudget, max);
      for (const bytes of [limits.memoryBudgetBytesMin - 1, max + 1]) await refused(budget(bytes), "memoryBudget", new RegExp(`^\`--memory-budget\` is \`${bytes}\`: it must be a size, .* to \\d+MiB, for which the heap .* has room; .--max-old-space-size`));
    });

    it("is a value out of its bounds", async () => {
      const wrong: Record<string, readonly string[]> = {
        horizon: ["0s", "-1h", "1w", "Infinity", ""], memoryBudget: ["0", "1", "-1GB", "512", "1TB", "1.5GB", "1gb", "64 MiB", "unlimited", "999999GiB", ""], acceptClock: ["yes", "1", ""], address: ["50051", "host:99999", "off"], metricsAddress: ["none", ":1"],
        callsMax: ["9", String(limits.writesQueuedMax), "1e3"], watchersMax: ["0", "1001"], liveStreamsMax: ["0", "1001"], drain: ["2h", "unlimited"], logLevel: ["trace", "INFO"], logFormat: ["yaml"], data: ["", "a\0b"],
      };
      for (const [key, values] of Object.entries(wrong)) {
        for (const value of values) await refused(load({ flags: { data: "x", [key]: value } }), key, new RegExp(`^\`--.*\` is \`.*\`: it must`));
      }
    });
  });

  describe("contradictions", () => {
    const cases: readonly (readonly [flags: ConfigurationSources["flags"], keys: string])[] = [
      [{ tlsKey: "k" }, "tlsCert,tlsKey"],
      [{ tlsCert: "c" }, "tlsCert,tlsKey"],
      [{ tlsClientCa: "ca" }, "tlsClientCa,tlsCert"],
      [{ insecure: "true", tlsCert: "c", tlsKey: "k", keys: "f" }, "insecure,tlsCert"],
      [{ address: "127.0.0.1:5000", metricsAddress: "127.0.0.1:5000" }, "metricsAddress,address"],
      [{ address: "0.0.0.0:5000", metricsAddress: "127.0.0.1:5000" }, "metricsAddress,address"],
      [{ address: "127.0.0.1:5000", httpAddress: "127.0.0.1:5000" }, "httpAddress,address,metricsAddress"],
      [{ address: "127.0.0.1:5000", httpAddress: "0.0.0.0:6000" }, "httpAddress,address,metricsAddress"],
      [{ httpUrl: "https://usher.example" }, "httpUrl,httpAddress"],
      [{ authzenMapping: "m.yaml" }, "authzenMapping,httpAddress"],
      [{ connectionAgeGrace: "1m" }, "connectionAgeGrace,connectionAge"],
      [{ horizon: "5s" }, "horizon,drain"],
      [{ horizon: "1h", connectionAge: "2h" }, "horizon,connectionAge"],
    ];
    for (const [flags, keys] of cases) {
      it(`names ${keys} of ${JSON.stringify(flags)}`, async () => refused(load({ flags: { data: "x", ...flags } }), keys));
    }

    it("names metricsToken where no metrics are served", async () => {
      await refused(load({ flags: { data: "x", metricsAddress: "off" }, environment: { USHER_METRICS_TOKEN: "t" } }), "metricsToken,metricsAddress");
    });

    it("tells all of them together", async () => {
      await refused(load({ flags: { data: "x", tlsKey: "k", horizon: "5s", connectionAgeGrace: "1m" } }), "tlsCert,tlsKey,connectionAgeGrace,connectionAge,horizon,drain", /^3 things are wrong/);
    });

    it("finds none in what goes together", async () => {
      await load({ flags: { data: "x", insecure: "true", keys: "f" } });
      await load({ flags: { data: "x", address: "127.0.0.1:5000", metricsAddress: "127.0.0.2:5000" } });
      await load({ flags: { data: "x", address: "127.0.0.1:0", metricsAddress: "127.0.0.1:0" } });
      await load({ flags: { data: "x", address: "127.0.0.1:5000", httpAddress: "127.0.0.2:5000", httpUrl: "https://usher.example", authzenMapping: "m.yaml", envoyMapping: "e.yaml" } });
      await load({ flags: { data: "x", connectionAge: "1h", connectionAgeGrace: "5m", horizon: "1h" } });
      await load({ flags: { data: "x", horizon: "unlimited", connectionAge: "30d" } });
    });
  });

  it("puts metrics beside the server, or where they are told to be", () => {
    const at = (address: string, metricsAddress = "auto") => metricsAddressOf({ address, metricsAddress });
    assert.deepEqual([at("127.0.0.1:50051"), at("0.0.0.0:50051"), at("[::1]:0"), at("127.0.0.1:65000")], ["127.0.0.1:51051", "127.0.0.1:51051", "127.0.0.1:0", "127.0.0.1:64000"]);
    assert.deepEqual([at("127.0.0.1:1", "off"), at("127.0.0.1:1", "0.0.0.0:9090")], [undefined, "0.0.0.0:9090"]);
  });
});
