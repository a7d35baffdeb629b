import type { Instant } from "../base/clock.js";
import type { Cause, HeldAnswer } from "../model/live.js";
import type { Revision } from "../model/zookie.js";
import type { Standing } from "./live-decision.js";
import type { LiveHold } from "./live-hold.js";
import type { LiveStream } from "./live-stream.js";

/** Why a hold is over: its client let go of it, or it can be no member of its lookup any more, another of its streams took it over, its lease ended after the connection had, or its lookup was refused. */
export type HoldEnd = "released" | "replaced" | "lapsed" | "refused";

/** What a client is told of a hold. */
export interface Telling {
  readonly hold: LiveHold;
  readonly standing: Standing;
  /** What it was told before; undefined: nothing yet. */
  readonly before: HeldAnswer | undefined;
  /** Where it is a flip. */
  readonly cause: Cause | undefined;
  readonly revision: Revision;
  readonly instant: Instant;
}

/** Where what live decisions tell and hear is written down. Revocations wait for nothing, and denials only where too much is kept back. */
export interface LiveRecorder {
  /** A promise: the client must not be told before it resolves, and must never be told where it rejects. */
  told(telling: Telling): Promise<void> | undefined;
  /** What was taken away from these holds has taken effect at their client. */
  acknowledged(stream: LiveStream, revision: Revision, holds: readonly LiveHold[]): void;
  /** These holds are over: of one, or of all that a stream had, which may be very many. */
  ended(holds: readonly LiveHold[], why: HoldEnd): void;
  /** The last lease of a stream has ended whose connection had before. */
  lapsed(stream: LiveStream, holds: number): void;
}
