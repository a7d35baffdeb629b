import type { Reads } from "../src/evaluation/reads.js";
import type { ObjectRef } from "../src/model/object.js";
import type { SubjectRef } from "../src/model/subject.js";
import { tupleIdentity, type Tuple } from "../src/model/tuple.js";

const none: readonly Tuple[] = [];

/** All tuples in memory, so that what is measured is the walk and no store. */
export class MemoryReads implements Reads {
  readonly #tuples = new Map<string, Tuple>();
  readonly #lists = new Map<string, Tuple[]>();

  constructor(tuples: readonly Tuple[]) {
    for (const tuple of tuples) {
      const { object, relation, subject } = tuple;
      this.#tuples.set(tupleIdentity(tuple), tuple);
      this.#append(listKey(object, relation, subject.type), tuple);
      this.#append(listKey(object, relation, subject.type, subject.relation), tuple);
    }
  }

  probe(object: ObjectRef, relation: string, subject: SubjectRef): Tuple | null {
    return this.#tuples.get(tupleIdentity({ object, relation, subject })) ?? null;
  }

  list(object: ObjectRef, relation: string, subjectType: string, subjectRelation?: string): readonly Tuple[] {
    return this.#lists.get(listKey(object, relation, subjectType, subjectRelation)) ?? none;
  }

  #append(key: string, tuple: Tuple): void {
    const list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, [tuple]);
    else list.push(tuple);
  }
}

function listKey(object: ObjectRef, relation: string, subjectType: string, subjectRelation?: string): string {
  const key = `${object.type}:${object.id}#${relation}@${subjectType}`;
  return subjectRelation === undefined ? key : `${key}#${subjectRelation}`;
}
