import type { Cause, Flip, HeldAnswer, HeldState, Hold, LiveRequest, LiveResponse, RefusedHold } from "../model/live.js";
import { formatObject } from "../model/object.js";
import { formatSubject } from "../model/subject.js";
import type { CheckText } from "../model/tuple-text.js";
import { resultOf, resultStyles } from "./explanation.js";
import { instantText } from "./json.js";
import type { Output } from "./output.js";

/** What was last printed of a decision. */
interface Held {
  readonly hold: Hold;
  readonly question: string;
  answer?: HeldAnswer;
  /** All that its line said of the answer. */
  said?: string;
}

export type HeldNews = Extract<LiveResponse, { readonly kind: "states" | "flips" | "members" | "refused" }>;

/** What is held over streams that come one after another, and printed. */
export interface Lines {
  /** What a new stream is asked. */
  requests(): Iterable<LiveRequest>;
  /** Returns when it has been printed. */
  take(news: HeldNews): Promise<void>;
  /** All that the stream was asked has been told. */
  covered(checkpoint: Extract<LiveResponse, { readonly kind: "checkpoint" }>): Promise<void>;
}

/** Holds of one message, so that the longest ids fit in it. */
const holdsAtOnce = 500;

/** Decisions that are held, each with what was printed of it: a line for how it stands at first, and one for each change. */
export class HeldLines implements Lines {
  readonly #held: readonly Held[];
  readonly #output: Output;

  constructor(questions: readonly CheckText[], output: Output) {
    this.#held = questions.map(({ object, permission, subject, context }, index) => ({
      hold: { id: index + 1, object, permission, subject, ...(Object.keys(context).length === 0 ? {} : { context }) },
      question: `${formatObject(object)}#${permission}@${formatSubject(subject)}`,
    }));
    this.#output = output;
  }

  /** With the answers that were printed, so that those that are otherwise come back. */
  *requests(): Generator<LiveRequest, void> {
    for (let from = 0; from < this.#held.length; from += holdsAtOnce) {
      yield { kind: "hold", holds: this.#held.slice(from, from + holdsAtOnce).map(({ hold, answer }) => ({ ...hold, ...(answer === undefined ? {} : { last: answer }) })) };
    }
  }

  async covered(): Promise<void> {
    // What nothing was said of is as it was printed.
  }

  async take(news: HeldNews): Promise<void> {
    if (news.kind === "members") return;
    if (news.kind === "states") for (const state of news.states) await this.#state(state, news.instant, news.zookie);
    else if (news.kind === "flips") for (const flip of news.flips) await this.#state(flip, news.instant, news.zookie, flip.cause);
    else for (const refused of news.refused) await this.#refused(refused);
  }

  /** A state that says nothing new, as when its validity alone has changed, is passed over; a flip is not. */
  async #state(state: HeldState | Flip, at: number, zookie: string, cause?: Cause): Promise<void> {
    const held = this.#held[state.id - 1];
    if (held === undefined) return;
    const { missingFields, error } = state;
    // What could not be decided denies, whatever else it says.
    const answer = error === undefined ? resultOf(state) : "denied";
    const needs = answer === "conditional" ? `  needs ${missingFields.join(", ")}` : "";
    const said = `${answer}${needs}${errorText(error)}`;
    if (cause === undefined && held.said === said) return;
    held.said = said;
    // The server is asked anew about what it could not decide.
    if (error === undefined) held.answer = answer;
    else delete held.answer;
    const instant = instantText(at);
    await this.#output.write(
      () => `${instant}  ${answerText(this.#output, resultStyles[answer], answer)}  ${held.question}${needs}${errorText(error)}${causeText(cause)}`,
      () => ({ instant, question: held.question, result: answer, allowed: answer === "allowed", missingFields, zookie, ...(error && { error }), ...(cause && { cause }) }),
    );
  }

  async #refused({ id, code, message }: RefusedHold): Promise<void> {
    const held = this.#held[id - 1];
    if (held === undefined) return;
    delete held.answer;
    delete held.said;
    await this.#output.write(
      () => `${this.#output.style("red", "refused")}  ${held.question}${errorText({ code, message })}`,
      () => ({ question: held.question, result: "refused", allowed: false, error: { code, message } }),
    );
  }
}

export function answerText(output: Output, style: Parameters<Output["style"]>[0], answer: HeldAnswer): string {
  return output.style(style, answer.padEnd("conditional".length));
}

function errorText(error: HeldState["error"]): string {
  return error === undefined ? "" : `  ${error.code}: ${error.message}`;
}

export function causeText(cause: Cause | undefined): string {
  if (cause === undefined) return "";
  const metadata = Object.entries(cause.metadata ?? {}).map(([key, value]) => `  ${key}=${JSON.stringify(value)}`);
  return `  cause ${cause.kind}${metadata.join("")}`;
}
