import assert from "node:assert/strict";
import { parse } from "yaml";
import { Database } from "../../src/database/database.js";
import type { Call, Decision } from "../../src/model/service.js";
import { parseCheck, parseTuple, parseTupleLines } from "../../src/model/tuple-text.js";
import { inFolder } from "../support/folder.js";
import { sharedFile, sharedFolder } from "../support/shared.js";

const call: Call = {};

interface ValidationFile {
  schema: string;
  relationships: string;
  assertions: { assertTrue?: string[]; assertFalse?: string[]; assertCaveated?: string[] };
}

function resultOf(decision: Decision): string {
  return decision.allowed ? "HAS" : decision.missingFields.length > 0 ? "CONDITIONAL" : "NO";
}

describe("SpiceDB's validation files", function () {
  this.timeout(120_000);
  const files = sharedFolder("conformance", "spicedb")?.filter((name) => name.endsWith(".yaml"));
  if (files === undefined) {
    it("are beside the checkout", function () {
      this.skip();
    });
  }
  for (const name of files ?? []) {
    it(`${name}: every assertion holds, with tuples stored and contextual`, async () => {
      const file = parse(sharedFile("conformance", "spicedb", name)) as ValidationFile;
      const { assertTrue = [], assertFalse = [], assertCaveated = [] } = file.assertions;
      const expected = [...assertTrue.map((text) => [text, "HAS"]), ...assertFalse.map((text) => [text, "NO"]), ...assertCaveated.map((text) => [text, "CONDITIONAL"])];
      await inFolder(async (folder) => {
        const database = await Database.open(folder);
        try {
          await database.writeSchema({ text: file.schema }, call);
          const tuples = [...parseTupleLines(file.relationships)].map(({ tuple }) => tuple);
          const ask = async (text: string, contextual: boolean) => {
            const { object, permission, subject, context } = parseCheck(text);
            return resultOf(await database.check({ object, permission, subject, context, contextualTuples: contextual ? tuples : [] }, call));
          };
          for (const [text = "", result] of expected) assert.equal(await ask(text, true), result, `contextual: ${text}`);
          if (tuples.length > 0) await database.writeTuples({ operations: tuples.map((tuple) => ({ kind: "create", tuple })) }, call);
          for (const [text = "", result] of expected) assert.equal(await ask(text, false), result, `stored: ${text}`);
        } finally {
          await database.close();
        }
      });
    });
  }
});

describe("the Kubernetes organisation", function () {
  this.timeout(120_000);

  it("imports and answers all its checks", async function () {
    if (sharedFolder("data", "kubernetes-org") === undefined) this.skip();
    await inFolder(async (folder) => {
      const database = await Database.open(folder);
      try {
        await database.writeSchema({ text: sharedFile("data", "kubernetes-org", "schema.zed") }, call);
        const tuples = sharedFile("data", "kubernetes-org", "tuples.txt").trim().split("\n").map(parseTuple);
        for (let at = 0; at < tuples.length; at += 1_000) {
          await database.writeTuples({ operations: tuples.slice(at, at + 1_000).map((tuple) => ({ kind: "touch", tuple })) }, call);
        }
        const [, ...lines] = sharedFile("data", "kubernetes-org", "checks.tsv").trim().split("\n");
        assert.equal(lines.length, 600);
        const checks = lines.map((line) => line.split("\t"));
        const { results } = await database.batchCheck({ items: checks.map(([object, permission, subject]) => parseCheck(`${object}#${permission}@${subject}`)) }, call);
        results.forEach((result, i) => {
          assert.ok("decision" in result);
          assert.equal(String(result.decision.allowed), checks[i]?.[3], checks[i]?.join(" "));
        });
      } finally {
        await database.close();
      }
    });
  });
});
