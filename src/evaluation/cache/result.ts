import type { Instant } from "../../base/clock.js";
import type { Revision } from "../../model/zookie.js";
import { sameAnswer, type Answer } from "../answer.js";
import { Finding } from "./finding.js";
import type { Ground } from "./leaf.js";

/** Where a walk stands in time: as of which commit what it reads is true, and which instant it is. Both only grow. */
export interface Standing {
  revision: Revision;
  now: Instant;
}

/** The context fields that a result read, and what the request had in them: `""` where it had none. */
export interface FieldsRead {
  readonly names: readonly string[];
  readonly values: readonly string[];
}

/** What a walk came to, and what that rests on. */
export interface Outcome {
  readonly answer: Answer;
  /** How many usersets and arrows deep its walk went. */
  readonly height: number;
  /** It was cut at the depth bound when walked from this depth: deeper it is undecided too, less deep it must be walked again. -1: it was not. */
  readonly cutAt: number;
  /** Leaves, and results it used: its footprint is a graph, of which only the ends hold keys. */
  readonly footprint: readonly Ground[];
  readonly fields: FieldsRead | undefined;
}

/** The answer to a subproblem, with its footprint. */
export class Result extends Finding implements Outcome {
  answer: Answer;
  height: number;
  cutAt: number;
  fields: FieldsRead | undefined;
  /** The instant of its walk; it holds up to `answer.until`. */
  from: Instant;

  constructor({ answer, height, cutAt, footprint, fields }: Outcome, { revision, now }: Standing) {
    super(footprint, revision);
    this.answer = answer;
    this.height = height;
    this.cutAt = cutAt;
    this.fields = fields;
    this.from = now;
  }

  /** Whether it holds there. */
  holds({ revision, now }: Standing): boolean {
    return now >= this.from && now < this.answer.until && this.standsAt(revision);
  }

  /** Whether a walk that has come as deep would come to it too. */
  serves(depth: number, depthMax: number): boolean {
    return this.cutAt >= 0 ? depth >= this.cutAt : depth + this.height <= depthMax;
  }

  /** It was walked again. */
  renew(outcome: Outcome, { revision, now }: Standing): void {
    this.refound(sameOutcome(outcome, this), outcome.footprint, revision);
    this.answer = outcome.answer;
    this.height = outcome.height;
    this.cutAt = outcome.cutAt;
    this.fields = outcome.fields;
    this.from = now;
  }
}

/** Alike to whoever rests on it: the answer, and how deep it goes. */
function sameOutcome(a: Outcome, b: Outcome): boolean {
  return a.height === b.height && a.cutAt === b.cutAt && sameAnswer(a.answer, b.answer) && sameFields(a.fields, b.fields);
}

function sameFields(a: FieldsRead | undefined, b: FieldsRead | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && a.names.length === b.names.length && a.names.every((name, i) => name === b.names[i] && a.values[i] === b.values[i]);
}
