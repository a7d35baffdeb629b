import type { ObjectRef } from "../model/object.js";
import type { SubjectRef } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import { isOfKind, memberKey, subjectKey, tooMany, type ListKind, type Reads, type TupleList } from "./reads.js";

/** Contextual tuples laid over other reads, for one request. One that stands under the same identity hides the stored one. */
export class OverlaidReads implements Reads {
  readonly #below: Reads;
  /** By object and relation, then by subject. */
  readonly #tuples = new Map<string, Map<string, Tuple>>();

  constructor(below: Reads, tuples: readonly Tuple[]) {
    this.#below = below;
    for (const tuple of tuples) {
      const key = memberKey(tuple.object, tuple.relation);
      const over = this.#tuples.get(key) ?? new Map<string, Tuple>();
      this.#tuples.set(key, over.set(subjectKey(tuple.subject), tuple));
    }
  }

  probe(key: string, object: ObjectRef, relation: string, subject: SubjectRef): Tuple | null | undefined {
    return this.#tuples.get(key)?.get(subjectKey(subject)) ?? this.#below.probe(key, object, relation, subject);
  }

  list(key: string, object: ObjectRef, relation: string, kind: ListKind): TupleList | undefined {
    const below = this.#below.list(key, object, relation, kind);
    const over = this.#tuples.get(key);
    if (below === undefined || below === tooMany || over === undefined) return below;
    return [...below.filter((tuple) => !over.has(subjectKey(tuple.subject))), ...[...over.values()].filter((tuple) => isOfKind(tuple.subject, kind))];
  }

  /** What is laid over is not seen from there. */
  holders(): "unknown" {
    return "unknown";
  }
}
