import { CelValueError } from "./cel-error.js";

const nsPerUnit: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** What 64 bits of nanoseconds hold, about 292 years: what a duration may be written as. */
const longest = 2n ** 63n - 1n;

const form = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const part = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g;

/** CEL's duration, exact to the nanosecond; negative ones too. */
export class Duration {
  readonly ns: bigint;

  constructor(ns: bigint) {
    this.ns = ns;
  }

  /** Reads Go's form: `1h30m`, `-1.5h`, `300ms`, `0`. @throws CelValueError */
  static parse(this: void, text: string): Duration {
    if (text === "0") return new Duration(0n);
    if (text.length <= 128 && form.test(text)) {
      let ns = 0n;
      for (const [, whole = "", fraction = "", unit = ""] of text.matchAll(part)) ns += nanoseconds(whole, fraction, unit);
      if (ns <= longest) return new Duration(text.startsWith("-") ? -ns : ns);
    }
    throw new CelValueError("not a duration of at most 292 years: expected hours, minutes, seconds…, like 1h30m or 300ms");
  }

  plus(other: Duration): Duration {
    return new Duration(this.ns + other.ns);
  }

  minus(other: Duration): Duration {
    return new Duration(this.ns - other.ns);
  }

  /** In seconds, as protocol buffers write it: `5400s`, `-0.5s`. */
  toString(): string {
    const sign = this.ns < 0n ? "-" : "";
    const size = this.ns < 0n ? -this.ns : this.ns;
    const fraction = (size % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
    return `${sign}${size / 1_000_000_000n}${fraction === "" ? "" : `.${fraction}`}s`;
  }
}

function nanoseconds(whole: string, fraction: string, unit: string): bigint {
  const scale = nsPerUnit[unit] ?? 0n;
  const digits = fraction.slice(0, 18);
  return BigInt(whole || "0") * scale + (BigInt(digits || "0") * scale) / 10n ** BigInt(digits.length);
}
