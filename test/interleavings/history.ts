import { compileSchema } from "../../src/model/schema/compile.js";
import type { Schema } from "../../src/model/schema/schema.js";
import type { ObjectRef } from "../../src/model/object.js";
import type { SubjectRef } from "../../src/model/subject.js";
import { tupleIdentity, type Tuple } from "../../src/model/tuple.js";
import type { Revision } from "../../src/model/zookie.js";
import type { Commit, Store } from "../../src/storage/store.js";
import { keyOf, solve } from "../evaluation/oracle.js";

const head = `
definition user {}
definition group { relation member: user | group#member }
`;

/** Three schemas over the same relations, with another meaning each; the last does not let a group be banned. */
export const schemaTexts: readonly string[] = [
  `${head}definition doc { relation reader: user | group#member; relation banned: user | group#member; permission read = reader - banned }`,
  `${head}definition doc { relation reader: user | group#member; relation banned: user | group#member; permission read = reader & banned }`,
  `${head}definition doc { relation reader: user | group#member; relation banned: user; permission read = banned }`,
];

export const objects: readonly ObjectRef[] = [
  { type: "doc", id: "a" }, { type: "doc", id: "b" }, { type: "group", id: "g" }, { type: "group", id: "h" },
];

export const users: readonly SubjectRef[] = ["ana", "ben"].map((id) => ({ type: "user", id, relation: "" }));

const members: readonly SubjectRef[] = ["g", "h"].map((id) => ({ type: "group", id, relation: "member" }));

/** Every tuple that one of the schemas admits. */
export const tuples: readonly Tuple[] = objects.flatMap((object) =>
  (object.type === "doc" ? ["reader", "banned"] : ["member"]).flatMap((relation) => [...users, ...members].map((subject) => ({ object, relation, subject }))),
);

export function isGroupBanned({ relation, subject }: Tuple): boolean {
  return relation === "banned" && subject.type === "group";
}

interface State {
  readonly schema: Schema | undefined;
  readonly tuples: ReadonlyMap<string, Tuple>;
}

const compiled = new Map(schemaTexts.map((text) => [text, compileSchema(text)]));

/** What the store has committed, as its listener heard it, and what the oracle says of each revision. */
export class History {
  readonly commits: Commit[] = [];
  readonly #states: State[] = [{ schema: undefined, tuples: new Map() }];

  constructor(store: Store) {
    store.onCommit((commit) => this.#add(commit));
  }

  stands(tuple: Tuple, revision: Revision): boolean {
    return this.#at(revision).tuples.has(tupleIdentity(tuple));
  }

  tuplesAt(revision: Revision): Tuple[] {
    return [...this.#at(revision).tuples.values()];
  }

  schemaAt(revision: Revision): string | undefined {
    return this.#at(revision).schema?.text;
  }

  /** Whether the subject may read the document at the revision. */
  mayRead(object: ObjectRef, subject: SubjectRef, revision: Revision): boolean {
    const { schema, tuples: standing } = this.#at(revision);
    if (schema === undefined) throw new Error("a check was answered before there was a schema");
    const world = { schema, tuples: [...standing.values()], subject, context: {}, now: 0, meaning: () => ({ value: "T" as const }) };
    return solve(world, objects).get(keyOf(object, "read"))?.value === "T";
  }

  #add(commit: Commit): void {
    const before = this.#at(commit.revision - 1);
    const standing = new Map(before.tuples);
    for (const { kind, tuple } of commit.changes) {
      if (kind === "delete") standing.delete(tupleIdentity(tuple));
      else standing.set(tupleIdentity(tuple), tuple);
    }
    this.commits.push(commit);
    this.#states[commit.revision] = { schema: commit.schema === undefined ? before.schema : compiled.get(commit.schema), tuples: standing };
  }

  #at(revision: Revision): State {
    const state = this.#states[revision];
    if (state === undefined) throw new Error(`revision ${revision} has not been committed`);
    return state;
  }
}
