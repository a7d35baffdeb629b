import type { Goal, Ratio, Row } from "./report.js";
import type { Settings } from "./suite.js";
import { percentiles, takeTurn, type Turn, type Work } from "./turn.js";

/** What is measured in turns with others: work in this process, or elsewhere. */
export type Contender = Entry & (Work | Elsewhere);

interface Entry {
  readonly name: string;
  /** Names of contenders to stand beside. */
  readonly beside?: readonly string[];
  /** What its figures are to reach. */
  readonly goals?: (row: Row) => Goal[];
}

/** Work that another process keeps going by itself: messages between the two would take longer than the work. */
interface Elsewhere {
  turn(ms: number): Promise<Turn>;
}

/**
 * Measures contenders in turns, A B A B, after a turn that does not count. The machine's mood changes by the
 * second, and meets both sides alike: ratios are taken within a round, and their median is shown.
 */
export async function contest(contenders: readonly Contender[], settings: Settings): Promise<Row[]> {
  const rounds = new Map<string, Turn[]>(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await measure(contender, settings.roundMs);
  for (let round = 0; round < settings.rounds; round++) {
    for (const contender of contenders) rounds.get(contender.name)?.push(await measure(contender, settings.roundMs));
  }
  const summaries = new Map([...rounds].map(([name, list]) => [name, summary(name, list)]));
  return contenders.map(({ name, beside = [], goals }) => {
    const own = summaries.get(name) ?? summary(name, []);
    const ratios = beside.map((to) => ratio(own, summaries.get(to), rounds.get(name) ?? [], rounds.get(to) ?? []));
    const row = ratios.length === 0 ? own : { ...own, ratios };
    return goals === undefined ? row : { ...row, goals: goals(row) };
  });
}

function measure(contender: Contender, ms: number): Promise<Turn> {
  return "turn" in contender ? contender.turn(ms) : takeTurn(contender, ms);
}

function summary(name: string, rounds: readonly Turn[]): Row {
  const cpu = rounds.flatMap(({ cpuUs }) => cpuUs ?? []);
  return {
    name,
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    ...percentiles(joined(rounds.map(({ latenciesMs }) => latenciesMs))),
    ...(cpu.length === 0 ? {} : { cpuUs: median(cpu) }),
  };
}

function ratio(row: Row, other: Row | undefined, own: readonly Turn[], others: readonly Turn[]): Ratio {
  if (other === undefined) throw new Error(`“${row.name}” stands beside a contender that is not there`);
  const rates = own.map(({ perSecond }, round) => perSecond / (others[round]?.perSecond ?? Number.NaN));
  return {
    to: other.name,
    perSecond: median(rates),
    perSecondMin: Math.min(...rates),
    perSecondMax: Math.max(...rates),
    p50: over(row.p50Us, other.p50Us),
    p99: over(row.p99Us, other.p99Us),
    ...(row.cpuUs !== undefined && other.cpuUs !== undefined && { cpu: row.cpuUs / other.cpuUs }),
  };
}

function over(a = Number.NaN, b = Number.NaN): number {
  return a / b;
}

function joined(lists: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(lists.reduce((length, list) => length + list.length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
