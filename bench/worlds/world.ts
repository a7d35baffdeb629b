import type { CheckRequest } from "../../src/model/service.js";
import type { ObjectRef } from "../../src/model/object.js";
import { subject, type SubjectRef } from "../../src/model/subject.js";
import type { Tuple } from "../../src/model/tuple.js";

/**
 * A schema, the tuples under it, and questions whose answers follow from how the tuples were made, not from asking. The same
 * options make the same world, byte for byte, on every machine. Schemas and ids keep to what SpiceDB takes too.
 */
export interface World {
  readonly name: string;
  readonly schema: string;
  /** One after another, and anew at each call: a world may be larger than memory. */
  readonly tuples: () => Iterable<Tuple>;
  readonly checks: readonly ExpectedCheck[];
  readonly lookups: readonly ExpectedLookup[];
  /** More questions, without end, where the world has such. */
  readonly streams?: Partial<Readonly<Record<StreamName, (seed: number) => Iterator<StreamedCheck, never>>>>;
  /** After so many of its `pairs` each object and each subject was asked about, so that what they read is warm. */
  readonly pairsUntilWarm?: number;
}

export interface ExpectedCheck {
  readonly question: CheckRequest;
  readonly allowed: boolean;
}

/**
 * `pairs`: of an object and a subject, another one each time until all were asked about, so that no answer can be remembered. `zipf`: some
 * objects and subjects are asked about all the time, most hardly ever. `uniform`: all alike, so that no memory smaller than the whole helps.
 */
export type StreamName = "pairs" | "zipf" | "uniform";

export interface StreamedCheck {
  readonly question: CheckRequest;
  /** Nothing where it is not known from how the tuples were made. */
  readonly allowed?: boolean;
}

/** How many objects of a type a subject may …, or how many subjects of a type may … an object. */
export type ExpectedLookup =
  | { readonly kind: "objects"; readonly objectType: string; readonly permission: string; readonly subject: SubjectRef; readonly count: number }
  | { readonly kind: "subjects"; readonly object: ObjectRef; readonly permission: string; readonly subjectType: string; readonly count: number };

export interface WorldOptions {
  /** About how many tuples; default: what the world's kind says. */
  readonly tuples?: number;
  /** How many questions of either answer. */
  readonly questions: number;
  readonly seed: number;
}

/** A way to make worlds, of any size. */
export interface WorldKind {
  readonly name: string;
  readonly about: string;
  readonly tuples: number;
  make(options: WorldOptions): World;
}

export function tupleOf(type: string, id: string, relation: string, subjectType: string, subjectId: string, subjectRelation = ""): Tuple {
  return { object: { type, id }, relation, subject: { type: subjectType, id: subjectId, relation: subjectRelation } };
}

export function may(user: string, permission: string, type: string, id: string): CheckRequest {
  return { object: { type, id }, permission, subject: subject("user", user) };
}

/** So many questions that are allowed and so many that are not, in turns. */
export function inTurns(count: number, allowed: (index: number) => CheckRequest, denied: (index: number) => CheckRequest): ExpectedCheck[] {
  return Array.from({ length: count }, (_, index) => [
    { question: allowed(index), allowed: true },
    { question: denied(index), allowed: false },
  ]).flat();
}

/** The questions of one answer, in order. */
export function questionsOf(world: World, allowed: boolean): CheckRequest[] {
  return world.checks.filter((check) => check.allowed === allowed).map(({ question }) => question);
}
