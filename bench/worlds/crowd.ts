import type { CheckRequest } from "../../src/model/service.js";
import { subject } from "../../src/model/subject.js";
import type { Tuple } from "../../src/model/tuple.js";
import type { Random } from "./random.js";
import { inTurns, may, type ExpectedCheck, type ExpectedLookup } from "./world.js";

/**
 * Who may view what, counted while the tuples are made: objects of one type, users by number, and for each object the set of those who
 * may. Where each set leaves somebody out and holds somebody, questions of either answer can be picked from it.
 */
export class Crowd {
  readonly tuples: Tuple[] = [];
  readonly #type: string;
  readonly #users: number;
  readonly #viewers = new Map<string, Set<number>>();

  constructor(type: string, users: number) {
    this.#type = type;
    this.#users = users;
  }

  /** Says who may view an object, once for each. */
  mayView(id: string, users: Iterable<number>): void {
    this.#viewers.set(id, new Set(users));
  }

  checks(count: number, random: Random): ExpectedCheck[] {
    const objects = [...this.#viewers];
    return inTurns(
      count,
      () => this.#pick(random, objects, true),
      () => this.#pick(random, objects, false),
    );
  }

  /** Objects of a user who views some, and subjects of an object. */
  lookups(random: Random): ExpectedLookup[] {
    const [object, viewers] = random.pick([...this.#viewers]);
    const user = random.pick([...viewers]);
    const seen = [...this.#viewers.values()].filter((set) => set.has(user)).length;
    return [
      { kind: "objects", objectType: this.#type, permission: "view", subject: subject("user", `u${user}`), count: seen },
      { kind: "subjects", object: { type: this.#type, id: object }, permission: "view", subjectType: "user", count: viewers.size },
    ];
  }

  #pick(random: Random, objects: readonly (readonly [string, ReadonlySet<number>])[], allowed: boolean): CheckRequest {
    for (;;) {
      const [object, viewers] = random.pick(objects);
      const user = random.below(this.#users);
      if (viewers.has(user) === allowed) return may(`u${user}`, "view", this.#type, object);
    }
  }
}
