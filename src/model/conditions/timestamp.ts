import type { Instant } from "../../base/clock.js";
import { CelValueError } from "./cel-error.js";
import { Duration } from "./duration.js";

const nsPerMs = 1_000_000n;
const nsPerSecond = 1_000_000_000n;

/** The years 1 to 9999, in nanoseconds since 1970: what RFC 3339 can write. */
const earliest = -62_135_596_800n * nsPerSecond;
const latest = 253_402_300_800n * nsPerSecond - 1n;

const pattern = /^(\d{4}-\d\d-\d\d)[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/**
 * CEL's timestamp, exact to the nanosecond. Sums and differences are exact and never overflow, so that a
 * comparison with `now` changes its outcome at one instant only, which `boundary.ts` computes.
 */
export class Timestamp {
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  readonly ns: bigint;

  constructor(ns: bigint) {
    this.ns = ns;
  }

  static ofInstant(instant: Instant): Timestamp {
    return new Timestamp(BigInt(instant) * nsPerMs);
  }

  /** @throws CelValueError for a second outside the years 1 to 9999 */
  static ofSeconds(this: void, seconds: bigint): Timestamp {
    const ns = seconds * nsPerSecond;
    if (ns < earliest || ns > latest) throw new CelValueError(`timestamp ${seconds} is outside the years 1 to 9999`);
    return new Timestamp(ns);
  }

  /** Reads RFC 3339: `2030-01-01T00:00:00Z`, `…T00:00:00.123456789+02:00`. @throws CelValueError */
  static parse(this: void, text: string): Timestamp {
    const match = pattern.exec(text);
    if (match !== null) {
      const [, date = "", time = "", fraction = "", zone = ""] = match;
      const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
      const ns = Number.isNaN(ms) || !isCalendarDate(date) ? latest + 1n : BigInt(ms) * nsPerMs + BigInt(fraction.padEnd(9, "0"));
      if (ns >= earliest && ns <= latest) return new Timestamp(ns);
    }
    throw new CelValueError("not a timestamp: expected RFC 3339, like 2030-01-01T00:00:00Z");
  }

  /** Milliseconds since 1970, rounded down. */
  get ms(): number {
    return Number(floorDivide(this.ns, nsPerMs));
  }

  get seconds(): bigint {
    return floorDivide(this.ns, nsPerSecond);
  }

  plus(duration: Duration): Timestamp {
    return new Timestamp(this.ns + duration.ns);
  }

  minus(duration: Duration): Timestamp {
    return new Timestamp(this.ns - duration.ns);
  }

  since(other: Timestamp): Duration {
    return new Duration(this.ns - other.ns);
  }

  /** RFC 3339 in UTC, with as many digits of the fraction as it has. */
  toString(): string {
    const fraction = (this.ns - this.seconds * nsPerSecond).toString().padStart(9, "0").replace(/0+$/, "");
    const instant = new Date(Number(this.seconds) * 1000);
    if (Number.isNaN(instant.getTime())) throw new CelValueError("timestamp is outside the years 1 to 9999");
    return instant.toISOString().replace(".000Z", fraction === "" ? "Z" : `.${fraction}Z`);
  }
}

/** JavaScript reads the 31st of February as the 3rd of March: refused here. */
function isCalendarDate(date: string): boolean {
  const midnight = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(date);
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}
