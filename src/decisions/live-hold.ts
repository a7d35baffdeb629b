import type { Instant } from "../base/clock.js";
import type { Context } from "../model/context.js";
import type { HeldAnswer } from "../model/live.js";
import type { Asked, LiveDecision, Mark, Standing } from "./live-decision.js";
import type { LiveStream } from "./live-stream.js";

/** One hold of one stream, and what its client knows of it. */
export class LiveHold {
  readonly id: number;
  readonly stream: LiveStream;
  /** As the client asked, without the named context. */
  readonly asked: Asked;
  readonly contextName: string | undefined;
  readonly explain: boolean;
  decision: LiveDecision;
  /** What the client was last told, or says that it holds. */
  told: HeldAnswer | undefined;
  /** All of it; undefined: it was not told by this stream. */
  toldStanding: Standing | undefined = undefined;
  cause: Mark | undefined = undefined;
  /** Where it is recorded: when its client was first told, or said that it holds it; how often it was used, as far as the client says. */
  since: Instant | undefined = undefined;
  uses = 0;
  /** An answer whose record is waited for, before the client is told. */
  recording: { readonly standing: Standing; readonly written: Promise<void>; done: boolean } | undefined = undefined;
  /** How often it was told that something was taken away, and has not acknowledged it: till then its client may honour what it was told before. */
  unconfirmed = 0;

  constructor(stream: LiveStream, decision: LiveDecision, { id, asked, contextName, explain, told }: Pick<LiveHold, "id" | "asked" | "contextName" | "explain" | "told">) {
    this.id = id;
    this.stream = stream;
    this.asked = asked;
    this.contextName = contextName;
    this.explain = explain;
    this.decision = decision;
    this.told = told;
  }
}

/** What the client may act on, whatever it was told last. */
export function honoured({ told, unconfirmed }: LiveHold): HeldAnswer | undefined {
  return unconfirmed > 0 ? "allowed" : told;
}

/** What is asked with the named context laid under its own. */
export function askedWith(asked: Asked, named: Context | undefined): Asked {
  if (named === undefined) return asked;
  return { ...asked, context: asked.context === undefined ? named : { ...named, ...asked.context } };
}
