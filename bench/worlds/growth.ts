import type { CheckRequest } from "../../src/model/service.js";
import type { Tuple } from "../../src/model/tuple.js";
import { Random } from "./random.js";
import { may, tupleOf, type ExpectedCheck, type StreamName, type World, type WorldKind, type WorldOptions } from "./world.js";
import { Zipf } from "./zipf.js";

const schema = `
definition user {}

definition group {
	relation member: user
}

definition folder {
	relation viewer: user | group#member
	permission view = viewer
}

definition document {
	relation parent: folder
	relation owner: user
	relation viewer: user
	permission view = viewer + owner + parent->view
}
`;

const viewersPerDocument = 6;
const documentsPerFolder = 20;
const documentsPerGroup = 200;
const membersPerGroup = 50;
const tuplesPerDocument = 2 + viewersPerDocument + 1 / documentsPerFolder + membersPerGroup / documentsPerGroup;

type Distribution = Extract<StreamName, "zipf" | "uniform">;

/**
 * Documents in folders that groups view, of one shape at any size, so that what a check costs may depend on how much there is, and on nothing
 * else. Computed, not kept: ten million tuples take no memory here.
 */
export const growth: WorldKind = {
  name: "growth",
  about: "documents in folders that groups view, of one shape from ten thousand to ten million tuples",
  tuples: 10_000,
  make,
};

function make(options: WorldOptions): World {
  const shape = new Shape(options.tuples ?? growth.tuples);
  const sample = shape.stream("zipf", options.seed);
  const checks = Array.from({ length: 2 * options.questions }, () => sample.next().value);
  const streams = { zipf: (seed: number) => shape.stream("zipf", seed), uniform: (seed: number) => shape.stream("uniform", seed) };
  return { name: growth.name, schema, tuples: () => shape.tuples(), checks, lookups: [], streams };
}

/** Who is what to whom, by arithmetic. Users are as many as documents. */
class Shape {
  readonly #count: number;
  /** Multiplying by it modulo the count puts neighbours far apart, and no two in one place. */
  readonly #stride: number;

  constructor(tuples: number) {
    this.#count = Math.max(membersPerGroup * 2, Math.round(tuples / tuplesPerDocument));
    let stride = Math.floor(this.#count * 0.618);
    while (greatestCommonDivisor(stride, this.#count) !== 1) stride++;
    this.#stride = stride;
  }

  *tuples(): Generator<Tuple> {
    for (let document = 0; document < this.#count; document++) {
      if (document % documentsPerGroup === 0) yield* this.#groupTuples(this.#groupOf(document));
      const folder = `f${Math.floor(document / documentsPerFolder)}`;
      if (document % documentsPerFolder === 0) yield tupleOf("folder", folder, "viewer", "group", `g${this.#groupOf(document)}`, "member");
      const id = `d${document}`;
      yield tupleOf("document", id, "parent", "folder", folder);
      yield tupleOf("document", id, "owner", "user", `u${document}`);
      for (let at = 0; at < viewersPerDocument; at++) yield tupleOf("document", id, "viewer", "user", `u${this.#viewer(document, at)}`);
    }
  }

  /** A viewer, a member of the folder's group, and twice somebody who may not, in turns. */
  *stream(distribution: Distribution, seed: number): Generator<ExpectedCheck, never> {
    const random = new Random(seed);
    const zipf = new Zipf(this.#count);
    const rank = distribution === "zipf" ? () => zipf.next(random) : () => random.below(this.#count);
    for (let index = 0; ; index++) {
      const document = this.#scattered(rank());
      const user = this.#userFor(index % 4, document, random) ?? this.#outsider(document, rank);
      yield { question: this.#question(document, user), allowed: index % 4 < 2 };
    }
  }

  #question(document: number, user: number): CheckRequest {
    return may(`u${user}`, "view", "document", `d${document}`);
  }

  #userFor(kind: number, document: number, random: Random): number | undefined {
    if (kind === 0) return this.#viewer(document, random.below(viewersPerDocument));
    if (kind === 1) return this.#member(this.#groupOf(document), random.below(membersPerGroup));
    return undefined;
  }

  #outsider(document: number, rank: () => number): number {
    for (;;) {
      const user = this.#scattered(rank());
      if (!this.#mayView(user, document)) return user;
    }
  }

  #mayView(user: number, document: number): boolean {
    if (user === document) return true;
    for (let at = 0; at < viewersPerDocument; at++) if (this.#viewer(document, at) === user) return true;
    for (let at = 0; at < membersPerGroup; at++) if (this.#member(this.#groupOf(document), at) === user) return true;
    return false;
  }

  *#groupTuples(group: number): Generator<Tuple> {
    for (let at = 0; at < membersPerGroup; at++) yield tupleOf("group", `g${group}`, "member", "user", `u${this.#member(group, at)}`);
  }

  #groupOf(document: number): number {
    return Math.floor(document / documentsPerGroup);
  }

  #viewer(document: number, at: number): number {
    return this.#scattered(document * viewersPerDocument + at);
  }

  #member(group: number, at: number): number {
    return this.#scattered(group * membersPerGroup + at);
  }

  #scattered(index: number): number {
    return ((index % this.#count) * this.#stride) % this.#count;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
