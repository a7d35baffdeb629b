import type { ObjectRef } from "../../model/object.js";
import type { Schema } from "../../model/schema/schema.js";
import { isWildcard, type SubjectRef } from "../../model/subject.js";
import type { Tuple } from "../../model/tuple.js";
import type { CheckText } from "../../model/tuple-text.js";

/** Numbers that look random and are the same for the same seed, on every machine: mulberry32, by Tommy Ettinger. */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0, below `bound`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * bound);
  }
}

/** So many of a stream, each with the same chance, however long it is. */
export class Reservoir<Item> {
  readonly items: Item[] = [];
  readonly #size: number;
  readonly #random: Seeded;
  #seen = 0;

  constructor(size: number, random: Seeded) {
    this.#size = size;
    this.#random = random;
  }

  add(item: Item): void {
    this.#seen++;
    if (this.items.length < this.#size) this.items.push(item);
    else {
      const at = this.#random.below(this.#seen);
      if (at < this.#size) this.items[at] = item;
    }
  }
}

/**
 * Questions made of tuples: the object of one, or now and then that of its subject; a relation or permission of its type; and its own subject, which may well be
 * allowed, or another tuple's, which may well not. Everybody (`user:*`) cannot be asked about; somebody of the type stands for them.
 */
export function questionsOf(tuples: readonly Tuple[], schema: Schema, count: number, random: Seeded): CheckText[] {
  const questions = new Map<string, CheckText>();
  const pick = <Item>(list: readonly Item[]): Item | undefined => list[random.below(list.length)];
  const concrete = tuples.map(({ subject }) => subject).filter((subject) => !isWildcard(subject));
  // Some are made twice, and a small sample has fewer than are wanted.
  for (let tries = 0; tries < count * 4 && questions.size < count; tries++) {
    const tuple = pick(tuples);
    if (tuple === undefined) break;
    const object: ObjectRef = tuple.subject.relation !== "" && random.below(4) === 0 ? { type: tuple.subject.type, id: tuple.subject.id } : tuple.object;
    const permission = pick([...(schema.definitions.get(object.type)?.members.keys() ?? [])]);
    const subject = subjectOf(random.below(2) === 0 ? tuple.subject : pick(concrete), tuple, concrete, random);
    if (permission === undefined || subject === undefined) continue;
    questions.set(JSON.stringify([object, permission, subject]), { object, permission, subject, context: {} });
  }
  return [...questions.values()];
}

function subjectOf(subject: SubjectRef | undefined, { subject: own }: Tuple, concrete: readonly SubjectRef[], random: Seeded): SubjectRef | undefined {
  if (subject !== undefined && !isWildcard(subject)) return subject;
  const same = concrete.filter(({ type, relation }) => type === own.type && relation === "");
  return same[random.below(same.length)] ?? { type: own.type, id: "nobody-in-particular", relation: "" };
}
