import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { parse } from "yaml";

import { errorCodes } from "../../src/base/errors.js";
import { methods } from "../../src/model/wire/methods.js";
import { Metrics } from "../../src/server/telemetry/metrics.js";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const read = (name: string) => readFileSync(fileURLToPath(new URL(`../../../src/server/${name}`, import.meta.url)), "utf8");

describe("the runbook and its alerts", () => {
  const runbook = read("RUNBOOK.md");
  const { groups } = parse(read("alerts.yaml")) as { groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  const metrics = new Map(new Metrics("0", () => undefined).registry.getMetricsAsArray().map(({ name, type }) => [name, String(type)]));

  /** `usher_call_seconds_bucket` is a series of `usher_call_seconds`. */
  const metricOf = (series: string) => (metrics.has(series) ? series : series.replace(/_(bucket|count|sum)$/, ""));

  it("say what to do about every code, in one row each", () => {
    const rows = runbook.slice(runbook.indexOf("## Codes")).split("\n").filter((line) => line.startsWith("| `"));
    const listed = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, code]) => code));
    assert.deepEqual([...listed].sort(), [...errorCodes].sort());
    for (const row of rows) assert.match(row, /^\| [^|]+ \| (caller|operator|both) \| [^|]{10,} \|$/);
  });

  it("explain every metric of our own, and no other", () => {
    const table = runbook.slice(runbook.indexOf("## Metrics"), runbook.indexOf("## Codes"));
    const listed = [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, names = ""]) => [...names.matchAll(/`(usher_\w+)`/g)].map(([, name]) => name));
    assert.deepEqual([...listed].sort(), [...metrics.keys()].filter((name) => name.startsWith("usher_")).sort());
  });

  it("alert on metrics, codes, methods and states that there are", () => {
    for (const { alert, expr } of rules) {
      const series = [...expr.matchAll(/\b((?:usher|process|nodejs)_\w+)\b/g)].map(([, name = ""]) => name);
      assert.ok(series.length > 0 || /^up\{/.test(expr), alert);
      for (const name of series) assert.ok(metrics.has(metricOf(name)), `${alert}: ${name}`);
      for (const [, name = "", suffix] of expr.matchAll(/\b(usher_\w+?)_(bucket|count|sum)\b/g)) assert.equal(metrics.get(name), "histogram", `${alert}: ${name}_${suffix}`);
      for (const [, codes = ""] of expr.matchAll(/code(?:=|=~|!~)"([^"]+)"/g)) for (const code of codes.split("|")) assert.ok(["ok", ...errorCodes].includes(code), `${alert}: ${code}`);
      for (const [, method] of expr.matchAll(/method="([^"]+)"/g)) assert.ok(Object.values<{ path: string }>(methods).some(({ path }) => path === `/usher.v1.${method}`), `${alert}: ${method}`);
    }
  });

  it("have names of their own, a severity, and a section that says what to do", () => {
    const anchors = new Set([...runbook.matchAll(/^### (.+)$/gm)].map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-")));
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    for (const { alert, labels, annotations } of rules) {
      assert.match(alert, /^Usher[A-Z]\w+$/);
      assert.ok(["page", "ticket"].includes(labels.severity), alert);
      const [file, anchor = ""] = annotations.runbook.split("#");
      assert.equal(file, "RUNBOOK.md");
      assert.ok(anchors.has(anchor), `${alert}: ${anchor}`);
      assert.notEqual(annotations.summary, "");
    }
    const used = new Set(rules.map(({ annotations }) => annotations.runbook.split("#")[1]));
    assert.deepEqual([...anchors].filter((anchor) => !used.has(anchor)), [], "sections that no alert leads to");
  });
});
