import type { HeldLookup, LiveRequest, LiveResponse, MemberState } from "../model/live.js";
import { formatObject } from "../model/object.js";
import { formatSubject } from "../model/subject.js";
import { resultOf, resultStyles } from "./explanation.js";
import { answerText, causeText, type HeldNews, type Lines } from "./held-lines.js";
import { instantText } from "./json.js";
import type { Output } from "./output.js";

const id = 1;

/** What was last printed of a member. */
interface Printed {
  readonly said: string;
  /** By which stream it was told. */
  readonly told: number;
}

/** The members of a lookup that is held: a line for each at first, and one for each that is added, removed, or changed. */
export class MemberLines implements Lines {
  readonly #what: HeldLookup;
  readonly #output: Output;
  readonly #printed = new Map<string, Printed>();
  #streams = 0;

  constructor(what: HeldLookup, output: Output) {
    this.#what = what;
    this.#output = output;
  }

  *requests(): Generator<LiveRequest, void> {
    this.#streams++;
    yield { kind: "lookup", lookups: [{ id, what: this.#what }] };
  }

  async take(news: HeldNews): Promise<void> {
    if (news.kind === "members") for (const state of news.members) await this.#member(state, news.instant, news.zookie);
    if (news.kind !== "refused") return;
    for (const { code, message } of news.refused) {
      this.#printed.clear();
      await this.#output.write(
        () => `${this.#output.style("red", "refused")}  ${this.#question("*")}  ${code}: ${message}`,
        () => ({ question: this.#question("*"), result: "refused", allowed: false, error: { code, message } }),
      );
    }
  }

  /** All members have been told by this stream: who was not is none any more. */
  async covered({ instant, zookie }: Extract<LiveResponse, { readonly kind: "checkpoint" }>): Promise<void> {
    for (const [member, { told }] of this.#printed) {
      if (told !== this.#streams) await this.#member({ id, member, allowed: false, missingFields: [], cause: { kind: "resume" } }, instant, zookie);
    }
  }

  async #member(state: MemberState, at: number, zookie: string): Promise<void> {
    const { member, missingFields, excluded = false } = state;
    // What a later stream tells as it stands was otherwise when the one before broke.
    const cause = state.cause ?? (this.#streams > 1 ? { kind: "resume" as const } : undefined);
    const result = resultOf(state);
    const needs = result === "conditional" ? `  needs ${missingFields.join(", ")}` : "";
    const said = `${result}${needs}`;
    const before = this.#printed.get(member)?.said;
    if (result === "denied" && !excluded) this.#printed.delete(member);
    else this.#printed.set(member, { said, told: this.#streams });
    if (before === said) return;
    const instant = instantText(at);
    const question = this.#question(member);
    await this.#output.write(
      () => `${instant}  ${answerText(this.#output, resultStyles[result], result)}  ${question}${needs}${causeText(cause)}`,
      () => ({ instant, question, result, allowed: result === "allowed", missingFields, zookie, ...(cause && { cause }) }),
    );
  }

  #question(member: string): string {
    const what = this.#what;
    if (what.kind === "objects") return `${member === "*" ? `${what.type}:*` : formatObject({ type: what.type, id: member })}#${what.permission}@${formatSubject(what.subject)}`;
    return `${formatObject(what.object)}#${what.permission}@${formatSubject({ type: what.subjectType, id: member, relation: what.subjectRelation ?? "" })}`;
  }
}
