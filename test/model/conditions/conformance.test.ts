import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { parse } from "yaml";

import { compileCondition } from "../../../src/model/conditions/compile.js";
import type { Condition } from "../../../src/model/conditions/condition.js";
import { formatObject } from "../../../src/model/object.js";
import { formatSubject } from "../../../src/model/subject.js";
import { parseCheck, parseTupleLines } from "../../../src/model/tuple-text.js";

const folder = path.resolve(process.cwd(), "../shared/conformance/spicedb");

interface Case {
  readonly schema: string;
  readonly relationships: string;
  readonly assertions: Readonly<Record<string, readonly string[] | undefined>>;
}

function load(file: string): Case {
  return parse(readFileSync(path.join(folder, file), "utf8")) as Case;
}

/** The conditions of a schema whose expressions have no braces. */
function conditions(schema: string): ReadonlyMap<string, Condition> {
  const found = schema.matchAll(/caveat (\w+)\(([^)]*)\)\s*\{([^}]*)\}/g);
  return new Map([...found].map(([, name = "", declared = "", expression = ""]) => {
    const parameters = new Map(declared.split(",").map((parameter) => parameter.trim().split(/\s+/, 2) as [string, string]));
    return [name, compileCondition({ name, doc: "", parameters, expression })];
  }));
}

describe("conditions of SpiceDB's cases", () => {
  before(function () {
    if (!existsSync(folder)) this.skip();
  });

  it("compile", () => {
    const compiled = readdirSync(folder).flatMap((file) => [...conditions(load(file).schema).keys()]);
    assert.ok(compiled.length >= 10);
  });

  // In these a permission is one relation, so an assertion rests on the tuple of its object and subject.
  for (const file of ["basiccaveat.yaml", "caveatip.yaml", "caveatmap.yaml"]) {
    it(`decide as they do: ${file}`, () => {
      const { schema, relationships, assertions } = load(file);
      const tuples = [...parseTupleLines(relationships.replaceAll(" document:", "\ndocument:"))].map(({ tuple }) => tuple);
      const compiled = conditions(schema);
      let decided = 0;
      for (const [list, kind] of [["assertTrue", "true"], ["assertCaveated", "missing"], ["assertFalse", "false"]] as const) {
        for (const text of assertions[list] ?? []) {
          const check = parseCheck(text);
          const tuple = tuples.find((each) => formatObject(each.object) === formatObject(check.object) && formatSubject(each.subject) === formatSubject(check.subject));
          const condition = compiled.get(tuple?.condition?.name ?? "");
          if (condition === undefined) continue;
          assert.equal(condition.evaluate(tuple?.condition?.context ?? {}, check.context, 0).kind, kind, text);
          decided++;
        }
      }
      assert.ok(decided > 0);
    });
  }
});
