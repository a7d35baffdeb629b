import type { Context } from "../model/context.js";
import type { HeldAnswer, HeldLookup } from "../model/live.js";
import { wildcardId } from "../model/subject.js";
import { unmarked, type Asked, type LiveDecision, type Mark } from "./live-decision.js";
import { honoured, LiveHold } from "./live-hold.js";
import type { LiveStream } from "./live-stream.js";
import type { Following } from "./following.js";

/** One candidate of a lookup: a hold like any other, of which is told in the lookup's name. */
export class LiveMember extends LiveHold {
  readonly lookup: LiveLookup;
  /** The id by which the client knows it: of an object or a subject, or `*`. */
  readonly member: string;

  /** @param told what the client may act on before it is told anything of this one by itself */
  constructor(lookup: LiveLookup, member: string, asked: Asked, decision: LiveDecision, told: HeldAnswer | undefined) {
    super(lookup.stream, decision, { id: lookup.id, asked, contextName: lookup.contextName, explain: false, told });
    this.lookup = lookup;
    this.member = member;
  }
}

/**
 * The objects of a subject, or the subjects of an object, as one stream holds them: a superset of the members, each a live decision. It is
 * *due* while there are tuples that it has to follow, or candidates that are not held yet; of a lookup that is due nothing is complete.
 */
export class LiveLookup {
  readonly id: number;
  readonly stream: LiveStream;
  readonly what: HeldLookup;
  readonly context: Context | undefined;
  readonly contextName: string | undefined;
  readonly members = new Map<string, LiveMember>();
  /**
   * Of a lookup of subjects where a wildcard may grant: a decision about an id that no tuple names. All ids that none names have its answer; so whoever
   * is named is told by himself, also where he is denied.
   */
  wildcard: LiveMember | undefined = undefined;
  /** Undefined: to be begun anew. */
  following: Following | undefined = undefined;
  /** How often it was to be begun. */
  begun = 1;
  due = true;
  /** Commits after which it may have other candidates, and that count for the barrier till these are held. */
  marks: readonly Mark[] = unmarked;
  /** An enumeration is under way. */
  running = false;
  /** It grew beyond a bound: its members count until its client has acknowledged that it is told so. */
  refused = false;

  constructor(stream: LiveStream, { id, what, context, contextName }: Pick<LiveLookup, "id" | "what" | "context" | "contextName">) {
    this.id = id;
    this.stream = stream;
    this.what = what;
    this.context = context;
    this.contextName = contextName;
  }

  /** Members, and the one that stands for the wildcard. */
  *all(): Generator<LiveMember, void> {
    if (this.wildcard !== undefined) yield this.wildcard;
    yield* this.members.values();
  }

  /** What is asked about one candidate, without the named context. */
  askedAbout(id: string): Asked {
    const { what, context } = this;
    const { permission } = what;
    const asked = what.kind === "objects"
      ? { object: { type: what.type, id }, permission, subject: what.subject }
      : { object: what.object, permission, subject: { type: what.subjectType, id, relation: what.subjectRelation ?? "" } };
    return context === undefined ? asked : { ...asked, context };
  }

  /** What its client may act on for whoever it is not told of by name. */
  get honouredForOthers(): HeldAnswer | undefined {
    return this.wildcard && honoured(this.wildcard);
  }
}

/** Whether telling of it lets in whoever is not told of by name. */
export function isWildcardMember(hold: LiveHold): hold is LiveMember {
  return hold instanceof LiveMember && hold.member === wildcardId;
}
