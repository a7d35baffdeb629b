import type { Instant } from "../../base/clock.js";
import { UsherError } from "../../base/errors.js";

/** `google.protobuf.Timestamp`. Seconds are 64 bits wide, which protobufjs reads as an object of two halves. */
export interface TimestampMessage {
  readonly seconds: number | { toNumber(): number };
  readonly nanos: number;
}

/** The last second of the year 9999, beyond which a Timestamp must not go. */
const secondsMax = 253_402_300_799;

/** `1_700_000_000_123` is 1,700,000,000 s and 123,000,000 ns. */
export function instantToTimestamp(instant: Instant): TimestampMessage {
  const seconds = Math.floor(instant / 1000);
  return { seconds, nanos: Math.floor(instant - seconds * 1000) * 1_000_000 };
}

/** Parts of a millisecond are cut off: what expires does so rather early. @throws `invalid_request` outside of 1970 to 9999 */
export function timestampToInstant(timestamp: TimestampMessage, field: string): Instant {
  const seconds = typeof timestamp.seconds === "number" ? timestamp.seconds : timestamp.seconds.toNumber();
  const inRange = seconds >= 0 && seconds <= secondsMax && timestamp.nanos >= 0 && timestamp.nanos < 1_000_000_000;
  if (!inRange) throw new UsherError("invalid_request", `field \`${field}\` is no instant from 1970 to 9999`, { details: { field } });
  return seconds * 1000 + Math.floor(timestamp.nanos / 1_000_000);
}
