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

/** What is asked with the named context laid under its own. */
export function askedWith(asked: Asked, named: Context | undefined): Asked {
  return named === undefined ? asked : { ...asked, context: { ...named, ...asked.context } };
}
