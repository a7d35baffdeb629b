import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { worldKind } from "../../../bench/worlds/catalogue.js";
import { writeWorld } from "../../../bench/worlds/files.js";
import { compileSchema } from "../../../src/model/schema/compile.js";
import { parseTuple } from "../../../src/model/tuple-text.js";
import { inFolder } from "../../support/folder.js";

describe("worlds as files", () => {
  it("have the schema, the tuples and the questions with their answers", () =>
    inFolder(async (folder) => {
      const world = worldKind("wide-groups").make({ tuples: 5_000, questions: 3, seed: 7 });
      await writeWorld(join(folder, "wide"), world);
      const linesOf = async (name: string) => (await readFile(join(folder, "wide", name), "utf8")).trimEnd().split("\n");
      compileSchema((await linesOf("schema.zed")).join("\n"));
      assert.deepEqual((await linesOf("tuples.txt")).map(parseTuple), [...world.tuples()]);
      const questions = await linesOf("questions.jsonl");
      assert.deepEqual(JSON.parse(questions[1] ?? ""), {
        check: { object: "document:wide", permission: "view", subject: `user:${world.checks[1]?.question.subject.id}` },
        allowed: false,
      });
      assert.deepEqual(JSON.parse(questions[6] ?? ""), { lookupSubjects: { object: "document:wide", permission: "view", subjectType: "user" }, count: 161 * 30 });
      assert.deepEqual(JSON.parse(questions[7] ?? ""), { lookupObjects: { objectType: "document", permission: "view", subject: "user:u0" }, count: 1 });
      assert.equal(questions.length, 8);
    }));

  it("are the same bytes for the same seed", () =>
    inFolder(async (folder) => {
      const bytes = async (name: string) => {
        await writeWorld(join(folder, name), worldKind("documents").make({ tuples: 500, questions: 10, seed: 7 }));
        return Promise.all(["schema.zed", "tuples.txt", "questions.jsonl"].map((file) => readFile(join(folder, name, file), "utf8")));
      };
      assert.deepEqual(await bytes("one"), await bytes("other"));
    }));
});
