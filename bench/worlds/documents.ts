import type { CheckRequest } from "../../src/model/service.js";
import { subject } from "../../src/model/subject.js";
import type { Tuple } from "../../src/model/tuple.js";
import { Random } from "./random.js";
import { inTurns, may, tupleOf, type ExpectedLookup, type StreamedCheck, type World, type WorldKind, type WorldOptions } from "./world.js";

const schema = `
definition user {}

definition group {
	relation member: user | group#member
}

definition folder {
	relation parent: folder
	relation owner: user
	relation viewer: user | group#member
	permission edit = owner + parent->edit
	permission view = viewer + edit + parent->view
}

definition document {
	relation parent: folder
	relation owner: user
	relation editor: user | group#member
	relation viewer: user | group#member
	relation banned: user
	permission edit = owner + editor + parent->edit
	permission view = (viewer + edit + parent->view) - banned
}
`;

/** All else follows from how many documents there are: a folder to 5 of them, a group to 20. */
const tuplesPerDocument = 5.09;
/** Groups come in trees of 1 + 3 + 9: the members of those below are members of those above. */
const groupFanOut = 3;
const groupTreeSize = 13;
const membersPerGroup = 10;
/** Folders come in ten trees with four folders in each: five levels at 2,000 folders. */
const folderFanOut = 4;
const folderTrees = 10;
const foldersWithGroup = 0.5;
const documentsWithGroup = 0.3;
const documentsWithBan = 0.1;

/**
 * A document system with nested folders and groups. Allowed are, in turn, direct viewers of a document and members of a nested group that
 * views a folder above it; denied are strangers, who are members of groups that were granted nothing, and now and then a viewer who is banned.
 */
export const documents: WorldKind = {
  name: "documents",
  about: "a document system: nested folders and groups, bans, 66,000 tuples",
  tuples: 66_000,
  make: (options) => new Builder(options).build(),
};

class Builder {
  readonly #documents: number;
  readonly #folders: number;
  readonly #groups: number;
  readonly #questions: number;
  readonly #random: Random;
  readonly #tuples: Tuple[] = [];
  /** The group that views a folder, by the folder's number. */
  readonly #viewersOfFolder = new Map<number, number>();
  /** Numbers of documents with a banned viewer. */
  readonly #bans: number[] = [];

  constructor({ tuples = documents.tuples, questions, seed }: WorldOptions) {
    this.#documents = Math.max(20, Math.round(tuples / tuplesPerDocument));
    this.#folders = Math.max(folderTrees, Math.ceil(this.#documents / 5));
    this.#groups = Math.max(1, Math.ceil(this.#documents / 20 / groupTreeSize)) * groupTreeSize;
    this.#questions = questions;
    this.#random = new Random(seed);
  }

  build(): World {
    this.#addGroups("g", "u");
    this.#addGroups("outside-", "stranger-");
    this.#addFolders();
    this.#addDocuments();
    const checks = inTurns(
      this.#questions,
      (index) => (index % 2 === 0 ? this.#viewer() : this.#memberAbove()),
      (index) => (index % 4 === 0 && this.#bans.length > 0 ? this.#banned() : this.#stranger()),
    );
    return { name: documents.name, schema, tuples: () => this.#tuples, checks, lookups: this.#lookups(), streams: { pairs: () => this.#pairs() }, pairsUntilWarm: this.#documents };
  }

  #addGroups(group: string, user: string): void {
    for (let at = 0; at < this.#groups; at++) {
      const inTree = at % groupTreeSize;
      const above = at - inTree + Math.floor((inTree - 1) / groupFanOut);
      if (inTree > 0) this.#add("group", group + above, "member", "group", group + at, "member");
      for (let i = 0; i < membersPerGroup; i++) this.#add("group", group + at, "member", "user", memberOf(user, at, i));
    }
  }

  #addFolders(): void {
    for (let at = 0; at < this.#folders; at++) {
      const above = folderAbove(at);
      if (above !== undefined) this.#add("folder", `f${at}`, "parent", "folder", `f${above}`);
      this.#add("folder", `f${at}`, "owner", "user", `owner-${at}`);
      if (above === undefined || this.#random.next() < foldersWithGroup) {
        const group = this.#random.below(this.#groups);
        this.#viewersOfFolder.set(at, group);
        this.#add("folder", `f${at}`, "viewer", "group", `g${group}`, "member");
      }
    }
  }

  #addDocuments(): void {
    for (let at = 0; at < this.#documents; at++) {
      const id = `d${at}`;
      this.#add("document", id, "parent", "folder", `f${this.#folderOf(at)}`);
      this.#add("document", id, "owner", "user", `author-${at}`);
      this.#add("document", id, "viewer", "user", `reader-${at}`);
      if (this.#random.next() < documentsWithGroup) this.#add("document", id, "viewer", "group", `g${this.#random.below(this.#groups)}`, "member");
      if (this.#random.next() < documentsWithBan) {
        this.#bans.push(at);
        this.#add("document", id, "viewer", "user", `banned-${at}`);
        this.#add("document", id, "banned", "user", `banned-${at}`);
      }
    }
  }

  #viewer(): CheckRequest {
    const at = this.#random.below(this.#documents);
    return viewQuestion(at, `reader-${at}`);
  }

  /** Someone in a group below the one that views a folder somewhere above the document: the walk goes up, then down. */
  #memberAbove(): CheckRequest {
    const document = this.#random.below(this.#documents);
    const viewed: number[] = [];
    for (let folder: number | undefined = this.#folderOf(document); folder !== undefined; folder = folderAbove(folder)) {
      const group = this.#viewersOfFolder.get(folder);
      if (group !== undefined) viewed.push(group);
    }
    let group = this.#random.pick(viewed);
    for (;;) {
      const inTree = group % groupTreeSize;
      const below = inTree * groupFanOut + 1 + this.#random.below(groupFanOut);
      if (below >= groupTreeSize) return viewQuestion(document, memberOf("u", group, this.#random.below(membersPerGroup)));
      group += below - inTree;
    }
  }

  #stranger(): CheckRequest {
    const member = memberOf("stranger-", this.#random.below(this.#groups), this.#random.below(membersPerGroup));
    return viewQuestion(this.#random.below(this.#documents), member);
  }

  #banned(): CheckRequest {
    const at = this.#random.pick(this.#bans);
    return viewQuestion(at, `banned-${at}`);
  }

  /** Members of groups and documents, which the members view or do not: each document once, with the members in turn, then all again with others. */
  *#pairs(): Generator<StreamedCheck, never> {
    for (let index = 0; ; index++) {
      const document = index % this.#documents;
      const user = (Math.floor(index / this.#documents) + document * 7) % (this.#groups * membersPerGroup);
      yield { question: viewQuestion(document, `u${user}`) };
    }
  }

  /** The owner of a folder sees all in it and below, an author what is theirs, a stranger, who is in groups all the same, nothing. */
  #lookups(): ExpectedLookup[] {
    const objects = (user: string, count: number): ExpectedLookup => ({ kind: "objects", objectType: "document", permission: "view", subject: subject("user", user), count });
    let below = 0;
    for (let document = 0; document < this.#documents; document++) {
      for (let folder: number | undefined = this.#folderOf(document); folder !== undefined; folder = folderAbove(folder)) if (folder === 0) below++;
    }
    return [objects("owner-0", below), objects("author-1", 1), objects("stranger-0", 0)];
  }

  #folderOf(document: number): number {
    return document % this.#folders;
  }

  #add(...words: Parameters<typeof tupleOf>): void {
    this.#tuples.push(tupleOf(...words));
  }
}

function folderAbove(at: number): number | undefined {
  return at < folderTrees ? undefined : Math.floor((at - folderTrees) / folderFanOut);
}

function memberOf(user: string, group: number, index: number): string {
  return `${user}${group * membersPerGroup + index}`;
}

function viewQuestion(document: number, user: string): CheckRequest {
  return may(user, "view", "document", `d${document}`);
}
