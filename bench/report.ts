/** One line of the table: what was measured, and what it stands beside. */
export interface Row {
  readonly name: string;
  readonly perSecond: number;
  /** Microseconds from a call to its answer, or what the name says. */
  readonly p50Us?: number;
  readonly p99Us?: number;
  /** Microseconds of processor time that the server spent on each. */
  readonly serverCpuUs?: number;
  readonly ratios?: readonly Ratio[];
}

/** This row's figures over those of another, measured in turns with it. */
export interface Ratio {
  /** The other row's name. */
  readonly to: string;
  /** The median over the rounds, and the rounds farthest from it. */
  readonly perSecond: number;
  readonly perSecondMin: number;
  readonly perSecondMax: number;
  readonly p99?: number;
  readonly serverCpu?: number;
}

export interface SuiteReport {
  readonly suite: string;
  readonly rows: readonly Row[];
}

/** The rows of a suite as lines of text. */
export function table(rows: readonly Row[]): string {
  const heading = ["", "per second", "p50", "p99", "server CPU", ""];
  const cells = [heading, ...rows.flatMap(cellsOf)];
  const widths = heading.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const used = widths.map((width, column) => column < 2 || width > (heading[column]?.length ?? 0) || rows.some((row) => cellsOf(row)[0]?.[column] !== ""));
  return cells.map((row) => "  " + row.map((cell, i) => pad(cell, i, widths[i] ?? 0)).filter((_, i) => used[i]).join("  ").trimEnd()).join("\n");
}

function pad(cell: string, column: number, width: number): string {
  return column === 0 || column === 5 ? cell.padEnd(width) : cell.padStart(width);
}

function cellsOf(row: Row): string[][] {
  const [first = "", ...others] = (row.ratios ?? []).map(ratioText);
  const own = [row.name, count(row.perSecond), duration(row.p50Us), duration(row.p99Us), duration(row.serverCpuUs), first];
  return [own, ...others.map((ratio) => ["", "", "", "", "", ratio])];
}

function ratioText(ratio: Ratio): string {
  const rest = [ratio.p99 === undefined ? [] : `p99 × ${factor(ratio.p99)}`, ratio.serverCpu === undefined ? [] : `CPU × ${factor(ratio.serverCpu)}`].flat();
  const rate = `${factor(ratio.perSecond)} (${factor(ratio.perSecondMin)} to ${factor(ratio.perSecondMax)}) of “${ratio.to}”`;
  return [rate, ...rest].join(", ");
}

function count(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

function factor(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

function duration(us: number | undefined): string {
  if (us === undefined) return "";
  return us < 1_000 ? `${us.toPrecision(3)} µs` : `${(us / 1_000).toPrecision(3)} ms`;
}
