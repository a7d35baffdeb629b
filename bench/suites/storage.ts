import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { Row } from "../report.js";
import type { Suite } from "../suite.js";

const program = fileURLToPath(new URL("../storage.js", import.meta.url));
const synced = "synced put into LevelDB, one at a time";
const line = /^(?<name>\S.*?) {2,}(?<rate>[\d,]+) \/s$/;

/** The store's own benchmark, in a process of its own: a line of it is a row here. */
export const storage: Suite = {
  name: "storage",
  about: "the store on LevelDB: durable writes, probes, lists",
  async run() {
    const { stdout } = await promisify(execFile)(process.execPath, [program]);
    const rows = stdout.split("\n").flatMap(rowOf);
    const put = rows.find(({ name }) => name === synced);
    if (put === undefined) throw new Error(`${program} printed no rate of “${synced}”`);
    return rows.map((row) => (row.name.startsWith("durable write") ? beside(row, put) : row));
  },
};

function rowOf(text: string): Row[] {
  const { name, rate } = line.exec(text)?.groups ?? {};
  return name === undefined || rate === undefined ? [] : [{ name, perSecond: Number(rate.replaceAll(",", "")) }];
}

function beside(row: Row, put: Row): Row {
  const perSecond = (row.perSecond ?? Number.NaN) / (put.perSecond ?? Number.NaN);
  return { ...row, ratios: [{ to: put.name, perSecond, perSecondMin: perSecond, perSecondMax: perSecond }] };
}
