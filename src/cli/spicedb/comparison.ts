import type { Usher } from "../../client/usher.js";
import type { CheckText } from "../../model/tuple-text.js";
import type { BatchCheckResult } from "../../model/service.js";
import { resultOf, type Result } from "../explanation.js";
import type { AnswerMessage } from "./messages.js";
import { pause, type SpiceDb } from "./peer.js";

/** What one side says to a question; undecided: it answered with an error, which is told. */
export type Said = { readonly answer: Result } | { readonly answer: "undecided"; readonly error: string };

export interface Compared {
  readonly question: CheckText;
  readonly spicedb: Said;
  readonly usher: Said;
}

/** As many as one call of either side takes easily. */
const together = 100;

/** How long a difference is left alone before it is asked about again. */
const againMs = 250;

/**
 * Asks both sides the same. A mirror is behind what it mirrors, so what differs is asked again, of both, until it does not or the time is over: what is behind catches
 * up, what is wrong stays.
 */
export class Comparison {
  readonly #spicedb: SpiceDb;
  readonly #usher: Usher;

  constructor(spicedb: SpiceDb, usher: Usher) {
    this.#spicedb = spicedb;
    this.#usher = usher;
  }

  /** In the order of the questions. */
  async ask(questions: readonly CheckText[], waitMs: number, signal: AbortSignal): Promise<readonly Compared[]> {
    const end = performance.now() + waitMs;
    const compared = [...(await this.#once(questions))];
    for (;;) {
      const differing = [...compared.entries()].filter(([, each]) => differs(each));
      if (differing.length === 0 || performance.now() >= end) return compared;
      await pause(Math.min(againMs, Math.max(0, end - performance.now())), signal);
      const again = await this.#once(differing.map(([, { question }]) => question));
      for (const [at, [index]] of differing.entries()) compared[index] = again[at] as Compared;
    }
  }

  async #once(questions: readonly CheckText[]): Promise<readonly Compared[]> {
    const compared: Compared[] = [];
    for (let at = 0; at < questions.length; at += together) {
      const part = questions.slice(at, at + together);
      const [theirs, ours] = await Promise.all([this.#spicedb.checkMany(part), this.#usher.batchCheck(part)]);
      compared.push(...part.map((question, index) => ({ question, spicedb: theirSaid(theirs[index]), usher: ourSaid(ours.results[index]) })));
    }
    return compared;
  }
}

/** Two errors are alike: neither side lets anybody in. */
export function differs({ spicedb, usher }: Compared): boolean {
  return spicedb.answer !== usher.answer;
}

/** `CheckPermissionResponse.Permissionship` */
const permissionships: readonly (Result | undefined)[] = [undefined, "denied", "allowed", "conditional"];

function theirSaid(answer: AnswerMessage | { readonly error: string } | undefined): Said {
  if (answer === undefined) return { answer: "undecided", error: "no answer" };
  if ("error" in answer) return { answer: "undecided", error: answer.error };
  const said = permissionships[answer.permissionship];
  return said === undefined ? { answer: "undecided", error: `permissionship ${answer.permissionship}` } : { answer: said };
}

function ourSaid(result: BatchCheckResult | undefined): Said {
  if (result === undefined) return { answer: "undecided", error: "no answer" };
  return "error" in result ? { answer: "undecided", error: `${result.error.code}: ${result.error.message}` } : { answer: resultOf(result.decision) };
}
