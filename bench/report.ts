/** One line of the table: what was measured, what it stands beside, and what it is to reach. */
export interface Row {
  readonly name: string;
  readonly perSecond?: number;
  /** Microseconds, where single ones are too short to be timed. */
  readonly meanUs?: number;
  /** Microseconds from a call to its answer, or what the name says. */
  readonly p50Us?: number;
  readonly p99Us?: number;
  /** Microseconds of processor time, over all threads, that the process which did the work spent on each. */
  readonly cpuUs?: number;
  /** What the process which did the work has in memory. */
  readonly residentBytes?: number;
  readonly ratios?: readonly Ratio[];
  readonly goals?: readonly Goal[];
  /** What a figure cannot say. */
  readonly note?: string;
}

/** This row's figures over those of another, measured in turns with it. */
export interface Ratio {
  /** The other row's name. */
  readonly to: string;
  /** The median over the rounds, and the rounds farthest from it. */
  readonly perSecond: number;
  readonly perSecondMin: number;
  readonly perSecondMax: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly cpu?: number;
}

/** A bound from the design, and whether this run kept it. */
export interface Goal {
  readonly what: string;
  readonly bound: string;
  readonly measured: number;
  readonly reached: boolean;
}

export interface SuiteReport {
  readonly suite: string;
  readonly rows: readonly Row[];
}

export function atLeast(what: string, least: number, measured: number | undefined): Goal {
  return { what, bound: `at least ${factor(least)}`, measured: measured ?? Number.NaN, reached: measured !== undefined && measured >= least };
}

export function atMost(what: string, most: number, measured: number | undefined): Goal {
  return { what, bound: `at most ${factor(most)}`, measured: measured ?? Number.NaN, reached: measured !== undefined && measured <= most };
}

const heading = ["", "per second", "mean", "p50", "p99", "CPU each", "resident", ""];
const lastColumn = heading.length - 1;

/** The rows of a suite as lines of text. */
export function table(rows: readonly Row[]): string {
  const cells = [heading, ...rows.flatMap(cellsOf)];
  const widths = heading.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const used = heading.map((_, column) => column === 0 || cells.slice(1).some((row) => row[column] !== ""));
  return cells.map((row) => "  " + row.map((cell, i) => pad(cell, i, widths[i] ?? 0)).filter((_, i) => used[i]).join("  ").trimEnd()).join("\n");
}

/** All that was to be reached, a line each; nothing where there were no goals. */
export function goalLines(reports: readonly SuiteReport[]): string[] {
  return reports.flatMap(({ suite, rows }) => rows.flatMap(({ name, goals = [] }) => goals.map((goal) => `  ${suite}: ${name}: ${goalText(goal)}`)));
}

function pad(cell: string, column: number, width: number): string {
  return column === 0 || column === lastColumn ? cell.padEnd(width) : cell.padStart(width);
}

function cellsOf(row: Row): string[][] {
  const remarks = [...(row.ratios ?? []).map(ratioText), ...(row.goals ?? []).map(goalText), ...(row.note === undefined ? [] : [row.note])];
  const [first = "", ...others] = remarks;
  const own = [row.name, count(row.perSecond), duration(row.meanUs), duration(row.p50Us), duration(row.p99Us), duration(row.cpuUs), memory(row.residentBytes), first];
  return [own, ...others.map((remark) => [...new Array<string>(lastColumn).fill(""), remark])];
}

function ratioText(ratio: Ratio): string {
  const rest = [ratio.p99 === undefined ? [] : `p99 × ${factor(ratio.p99)}`, ratio.cpu === undefined ? [] : `CPU × ${factor(ratio.cpu)}`].flat();
  const rate = `${factor(ratio.perSecond)} (${factor(ratio.perSecondMin)} to ${factor(ratio.perSecondMax)}) of “${ratio.to.slice(ratio.to.lastIndexOf(": ") + 1).trim()}”`;
  return [rate, ...rest].join(", ");
}

function goalText({ what, bound, measured, reached }: Goal): string {
  return `${reached ? "reached" : "MISSED"}: ${what} ${factor(measured)}, goal ${bound}`;
}

function count(value: number | undefined): string {
  if (value === undefined) return "";
  return value >= 100 ? Math.round(value).toLocaleString("en") : digits(value);
}

function factor(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return value.toFixed(value < 10 ? 2 : 1);
}

function digits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}

function duration(us: number | undefined): string {
  if (us === undefined) return "";
  return us < 1_000 ? `${digits(us)} µs` : `${digits(us / 1_000)} ms`;
}

function memory(bytes: number | undefined): string {
  return bytes === undefined ? "" : `${Math.round(bytes / 2 ** 20)} MB`;
}
