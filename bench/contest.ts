import type { Ratio, Row } from "./report.js";
import type { Settings } from "./suite.js";

/** Something asynchronous to measure. */
export interface Contender {
  readonly name: string;
  /** So many calls are under way at any time: when one is answered the next begins. */
  readonly inFlight: number;
  /** How many a call counts for; default 1. */
  readonly perCall?: number;
  /** @param index counts the calls, from 0 */
  call(index: number): Promise<unknown>;
  /** Microseconds of processor time that the process which does the work has spent so far. */
  cpuUs?(): Promise<number>;
  /** Names of contenders to stand beside. */
  readonly beside?: readonly string[];
}

interface Round {
  readonly perSecond: number;
  readonly latenciesMs: readonly number[];
  readonly cpuUs: number | undefined;
}

/**
 * Measures contenders in turns, A B A B, after a turn that does not count. The machine's mood changes by the
 * second, and meets both sides alike: ratios are taken within a round, and their median is shown.
 */
export async function contest(contenders: readonly Contender[], settings: Settings): Promise<Row[]> {
  const rounds = new Map<string, Round[]>(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await measure(contender, settings.roundMs);
  for (let round = 0; round < settings.rounds; round++) {
    for (const contender of contenders) rounds.get(contender.name)?.push(await measure(contender, settings.roundMs));
  }
  const summaries = new Map([...rounds].map(([name, list]) => [name, summary(name, list)]));
  return contenders.map(({ name, beside = [] }) => {
    const row = summaries.get(name) ?? summary(name, []);
    const ratios = beside.map((to) => ratio(row, summaries.get(to), rounds.get(name) ?? [], rounds.get(to) ?? []));
    return ratios.length === 0 ? row : { ...row, ratios };
  });
}

/** p50 and p99 of what took so many milliseconds, in microseconds. */
export function percentiles(latenciesMs: readonly number[]): { p50Us: number; p99Us: number } {
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number) => 1_000 * (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
  return { p50Us: at(0.5), p99Us: at(0.99) };
}

/** For what is done in this process: microseconds of processor time that it has spent so far, on all of its threads. */
export async function ownCpuUs(): Promise<number> {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function measure(contender: Contender, ms: number): Promise<Round> {
  const { inFlight, perCall = 1 } = contender;
  const latenciesMs: number[] = [];
  let index = 0;
  const cpuBefore = await contender.cpuUs?.();
  const start = performance.now();
  const lane = async () => {
    for (let now = performance.now(); now - start < ms; ) {
      await contender.call(index++);
      const answered = performance.now();
      latenciesMs.push(answered - now);
      now = answered;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const count = latenciesMs.length * perCall;
  const perSecond = (count * 1_000) / (performance.now() - start);
  const cpuAfter = await contender.cpuUs?.();
  const cpuUs = cpuBefore === undefined || cpuAfter === undefined ? undefined : (cpuAfter - cpuBefore) / count;
  return { perSecond, latenciesMs, cpuUs };
}

function summary(name: string, rounds: readonly Round[]): Row {
  const cpu = rounds.flatMap(({ cpuUs }) => cpuUs ?? []);
  return {
    name,
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    ...percentiles(rounds.flatMap(({ latenciesMs }) => latenciesMs)),
    ...(cpu.length === 0 ? {} : { cpuUs: median(cpu) }),
  };
}

function ratio(row: Row, other: Row | undefined, own: readonly Round[], others: readonly Round[]): Ratio {
  if (other === undefined) throw new Error(`“${row.name}” stands beside a contender that is not there`);
  const rates = own.map(({ perSecond }, round) => perSecond / (others[round]?.perSecond ?? Number.NaN));
  return {
    to: other.name,
    perSecond: median(rates),
    perSecondMin: Math.min(...rates),
    perSecondMax: Math.max(...rates),
    p99: (row.p99Us ?? Number.NaN) / (other.p99Us ?? Number.NaN),
    ...(row.cpuUs !== undefined && other.cpuUs !== undefined && { cpu: row.cpuUs / other.cpuUs }),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
