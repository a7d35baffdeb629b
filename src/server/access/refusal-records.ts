import type { Clock, Instant } from "../../base/clock.js";
import { limits } from "../../base/limits.js";
import type { Recorder } from "../../base/recorder.js";
import type { AuditEntry } from "../../model/audit.js";
import type { AccessEvents, AuthenticationEvent, AuthenticationReason } from "./events.js";

interface Refusals {
  readonly reason: AuthenticationReason;
  readonly peer: string;
  readonly since: Instant;
  count: number;
}

/**
 * Writes refused authentications to the decision log. Those of one peer for one reason within `limits.refusalRecordMs` are one entry, so that
 * whoever tries keys does not fill the log.
 */
export class RefusalRecords implements AccessEvents {
  readonly #recorder: Recorder<AuditEntry>;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Refusals>();
  #timer: NodeJS.Timeout | undefined;

  constructor(recorder: Recorder<AuditEntry>, clock: Clock) {
    this.#recorder = recorder;
    this.#clock = clock;
  }

  onAuthentication({ outcome, reason, peer }: AuthenticationEvent): void {
    if (outcome === "accepted") return;
    const name = `${reason} ${peer}`;
    const known = this.#waiting.get(name);
    if (known !== undefined) {
      known.count++;
      return;
    }
    if (this.#waiting.size >= limits.refusalsRecordedMax) this.flush();
    this.#waiting.set(name, { reason, peer, since: this.#clock.now(), count: 1 });
    this.#timer ??= setTimeout(() => this.flush(), limits.refusalRecordMs).unref();
  }

  /** Before the log is closed, too. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { since, ...refusals } of this.#waiting.values()) void this.#recorder.record({ kind: "authentication", at: since, ...refusals }, false);
    this.#waiting.clear();
  }
}
