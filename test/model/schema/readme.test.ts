import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { compileSchema } from "../../../src/model/schema/compile.js";
import { checkTuple } from "../../../src/model/schema/shape.js";
import { parseTuple } from "../../../src/model/tuple-text.js";

describe("the example of src/model/README.md", () => {
  const readme = readFileSync("src/model/README.md", "utf8");
  const schema = compileSchema(/compileSchema\(`([^`]*)`\)/.exec(readme)?.[1] ?? "not found");

  it("refuses and admits tuples as it says", () => {
    const claims = [...readme.matchAll(/checkTuple\(schema, parseTuple\("([^"]*)"\), "write"\);(?: {2}\/\/ passes|\n\/\/ (\w+): (.*))/g)];
    assert.equal(claims.length, 3);
    for (const [, text = "", code, message] of claims) {
      const write = () => checkTuple(schema, parseTuple(text), "write");
      if (code === undefined) write();
      else assert.throws(write, { code, message });
    }
  });

  it("evaluates its condition as it says", () => {
    const condition = schema.conditions.get("office_hours");
    assert.deepEqual(condition?.evaluate({}, { hour: 10 }, 0), { kind: "true", until: Infinity });
    assert.deepEqual(condition?.evaluate({}, {}, 0), { kind: "missing", fields: ["hour"], until: Infinity });
  });

  it("shows the error as it is told", () => {
    const report = /```\n(schema has an error\n[^`]*`usr`[^`]*`definition usr \{ … \}`[^`]*)\n```/.exec(readme)?.[1];
    assert.throws(() => compileSchema("\ndefinition doc {\n  relation viewer: usr\n}"), { message: report });
  });
});
