/** One line of the table: what was measured, and what it stands beside. */
export interface Row {
  readonly name: string;
  readonly perSecond: number;
  /** Microseconds, where single ones are too short to be timed. */
  readonly meanUs?: number;
  /** Microseconds from a call to its answer, or what the name says. */
  readonly p50Us?: number;
  readonly p99Us?: number;
  /** Microseconds of processor time, over all threads, that the process which did the work spent on each. */
  readonly cpuUs?: number;
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
  readonly cpu?: number;
}

export interface SuiteReport {
  readonly suite: string;
  readonly rows: readonly Row[];
}

/** The rows of a suite as lines of text. */
export function table(rows: readonly Row[]): string {
  const heading = ["", "per second", "mean", "p50", "p99", "CPU each", ""];
  const cells = [heading, ...rows.flatMap(cellsOf)];
  const widths = heading.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const used = heading.map((_, column) => rows.some((row) => cellsOf(row)[0]?.[column] !== ""));
  return cells.map((row) => "  " + row.map((cell, i) => pad(cell, i, widths[i] ?? 0)).filter((_, i) => used[i]).join("  ").trimEnd()).join("\n");
}

function pad(cell: string, column: number, width: number): string {
  return column === 0 || column === 6 ? cell.padEnd(width) : cell.padStart(width);
}

function cellsOf(row: Row): string[][] {
  const [first = "", ...others] = (row.ratios ?? []).map(ratioText);
  const own = [row.name, count(row.perSecond), duration(row.meanUs), duration(row.p50Us), duration(row.p99Us), duration(row.cpuUs), first];
  return [own, ...others.map((ratio) => ["", "", "", "", "", "", ratio])];
}

function ratioText(ratio: Ratio): string {
  const rest = [ratio.p99 === undefined ? [] : `p99 × ${factor(ratio.p99)}`, ratio.cpu === undefined ? [] : `CPU × ${factor(ratio.cpu)}`].flat();
  const rate = `${factor(ratio.perSecond)} (${factor(ratio.perSecondMin)} to ${factor(ratio.perSecondMax)}) of “${ratio.to}”`;
  return [rate, ...rest].join(", ");
}

function count(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : digits(value);
}

function factor(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

function digits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}

function duration(us: number | undefined): string {
  if (us === undefined) return "";
  return us < 1_000 ? `${digits(us)} µs` : `${digits(us / 1_000)} ms`;
}
