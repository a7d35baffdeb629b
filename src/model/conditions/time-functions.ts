import type { Budget } from "./budget.js";
import { CelValueError } from "./cel-error.js";
import { Duration } from "./duration.js";
import { fn, method, type CelFunction } from "./functions.js";
import { Timestamp } from "./timestamp.js";

/** The parts of a timestamp that CEL names, each from the date and time in the zone asked for, as if that were UTC. */
const parts: readonly [string, (local: Date) => number][] = [
  ["getFullYear", (local) => local.getUTCFullYear()],
  ["getMonth", (local) => local.getUTCMonth()],
  ["getDate", (local) => local.getUTCDate()],
  ["getDayOfMonth", (local) => local.getUTCDate() - 1],
  ["getDayOfWeek", (local) => local.getUTCDay()],
  ["getDayOfYear", dayOfYear],
  ["getHours", (local) => local.getUTCHours()],
  ["getMinutes", (local) => local.getUTCMinutes()],
  ["getSeconds", (local) => local.getUTCSeconds()],
  ["getMilliseconds", (local) => local.getUTCMilliseconds()],
];

const dayMs = 86_400_000;

/** A call with the name of a time zone asks the platform's calendar, which takes some 500 times as long as other calls. */
const zoneSteps = 500;

export function timeFunctions(budget: Budget): CelFunction[] {
  return [
    ...conversions(),
    ...parts.flatMap(([name, read]) => [
      method("timestamp", name, [], "int", (time: Timestamp) => BigInt(read(new Date(time.ms)))),
      method("timestamp", name, ["string"], "int", (time: Timestamp, zone: string) => {
        budget.spend(zoneSteps);
        return BigInt(read(localTime(time.ms, zone)));
      }),
    ]),
    ...durationParts(),
  ];
}

function conversions(): CelFunction[] {
  return [
    fn("timestamp", ["timestamp"], "timestamp", (time: Timestamp) => time),
    fn("timestamp", ["string"], "timestamp", Timestamp.parse),
    fn("timestamp", ["int"], "timestamp", Timestamp.ofSeconds),
    fn("duration", ["duration"], "duration", (duration: Duration) => duration),
    fn("duration", ["string"], "duration", Duration.parse),
    fn("int", ["timestamp"], "int", (time: Timestamp) => time.seconds),
    fn("string", ["timestamp"], "string", String),
    fn("string", ["duration"], "string", String),
  ];
}

/** The whole duration in hours, minutes or seconds, rounded towards zero; but of its milliseconds, those beyond the second. */
function durationParts(): CelFunction[] {
  return [
    method("duration", "getHours", [], "int", (duration: Duration) => duration.ns / 3_600_000_000_000n),
    method("duration", "getMinutes", [], "int", (duration: Duration) => duration.ns / 60_000_000_000n),
    method("duration", "getSeconds", [], "int", (duration: Duration) => duration.ns / 1_000_000_000n),
    method("duration", "getMilliseconds", [], "int", (duration: Duration) => (duration.ns / 1_000_000n) % 1_000n),
  ];
}

function dayOfYear(local: Date): number {
  return Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / dayMs);
}

/** `+02:00`, or a name of the time zone database. */
function localTime(ms: number, zone: string): Date {
  const offset = /^([+-]?)(\d\d):([0-5]\d)$/.exec(zone);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return new Date(ms + (offset[1] === "-" ? -minutes : minutes) * 60_000);
  }
  const fields = new Map(calendarOf(zone).formatToParts(ms).map((part) => [part.type, Number(part.value)]));
  const field = (type: Intl.DateTimeFormatPartTypes) => fields.get(type) ?? 0;
  const subsecond = ((ms % 1000) + 1000) % 1000;
  return new Date(Date.UTC(field("year"), field("month") - 1, field("day"), field("hour"), field("minute"), field("second"), subsecond));
}

/** Calendars are dear to make (50 µs), and there are no more than the zones of the database. */
const calendars = new Map<string, Intl.DateTimeFormat>();

function calendarOf(zone: string): Intl.DateTimeFormat {
  const known = calendars.get(zone);
  if (known !== undefined) return known;
  try {
    const numeric = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" } as const;
    const calendar = new Intl.DateTimeFormat("en-US", { ...numeric, timeZone: zone, hourCycle: "h23", calendar: "gregory" });
    if (calendars.size < 1_000) calendars.set(zone, calendar);
    return calendar;
  } catch {
    throw new CelValueError("the time zone is unknown: expected a name like Europe/Berlin or an offset like +02:00");
  }
}
