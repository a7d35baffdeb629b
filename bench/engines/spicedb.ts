import type { CheckRequest } from "../../src/model/service.js";
import type { SubjectRef } from "../../src/model/subject.js";
import type { Tuple } from "../../src/model/tuple.js";
import type { ExpectedLookup, World } from "../worlds/world.js";
import { failed, type Answer, type Engine } from "./engine.js";
import { loadSpiceDb, type BulkPair, type EmbeddedSpiceDb, type SpiceDbCalls, type SpiceDbPackage } from "./spicedb-package.js";

/** As many as one call may write. */
const updatesPerWrite = 1_000;

/** From `authzed.api.v1`: `CheckPermissionResponse.Permissionship`, and `RelationshipUpdate.Operation`. */
const noPermission = 1;
const hasPermission = 2;
const operationTouch = 2;

/** At head, as Usher's answers are. */
const consistency = { requirement: { oneofKind: "fullyConsistent", fullyConsistent: true } };

/** SpiceDB, embedded, its tuples in memory: the whole server without the network. */
export class SpiceDbEngine implements Engine {
  readonly #package: SpiceDbPackage;
  #database: EmbeddedSpiceDb | undefined;

  private constructor(loaded: SpiceDbPackage) {
    this.#package = loaded;
  }

  static async open(folder: string): Promise<SpiceDbEngine> {
    return new SpiceDbEngine(await loadSpiceDb(folder));
  }

  async fill(world: World): Promise<number> {
    this.#database = await this.#package.EmbeddedSpiceDB.start(world.schema, []);
    let written = 0;
    let updates: object[] = [];
    const flush = async () => {
      if (updates.length > 0) await this.#calls.writeRelationships(this.#message("WriteRelationshipsRequest", { updates }));
      written += updates.length;
      updates = [];
    };
    for (const tuple of world.tuples()) {
      updates.push({ operation: operationTouch, relationship: relationship(tuple) });
      if (updates.length === updatesPerWrite) await flush();
    }
    await flush();
    return written;
  }

  prepare(question: CheckRequest): () => Promise<Answer> {
    const request = this.#message("CheckPermissionRequest", { consistency, ...item(question) });
    return async () => {
      try {
        return answerOf((await this.#calls.checkPermission(request)).permissionship);
      } catch (error) {
        return failed(error);
      }
    };
  }

  prepareBatch(questions: readonly CheckRequest[]): () => Promise<readonly Answer[]> {
    const request = this.#message("CheckBulkPermissionsRequest", { consistency, items: questions.map(item) });
    return async () => (await this.#calls.checkBulkPermissions(request)).pairs.map(pairAnswer);
  }

  async lookup(lookup: ExpectedLookup): Promise<number> {
    const { permission } = lookup;
    if (lookup.kind === "objects") {
      const request = { consistency, resourceObjectType: lookup.objectType, permission, subject: subjectReference(lookup.subject) };
      return (await this.#calls.lookupResources(this.#message("LookupResourcesRequest", request))).length;
    }
    const request = { consistency, resource: objectReference(lookup.object), permission, subjectObjectType: lookup.subjectType };
    return (await this.#calls.lookupSubjects(this.#message("LookupSubjectsRequest", request))).length;
  }

  readSchema(): Promise<unknown> {
    return this.#started.schema().promises.readSchema(this.#message("ReadSchemaRequest", {}));
  }

  async close(): Promise<void> {
    this.#database?.close();
  }

  get #started(): EmbeddedSpiceDb {
    if (this.#database === undefined) throw new Error("there is nothing in it yet");
    return this.#database;
  }

  get #calls(): SpiceDbCalls {
    return this.#started.permissions().promises;
  }

  #message(type: string, value: object): object {
    const made = this.#package.v1[type]?.create(value);
    if (made === undefined) throw new Error(`the package has no message \`${type}\``);
    return made;
  }
}

function item({ object, permission, subject }: CheckRequest): object {
  return { resource: objectReference(object), permission, subject: subjectReference(subject) };
}

function relationship({ object, relation, subject }: Tuple): object {
  return { resource: objectReference(object), relation, subject: subjectReference(subject) };
}

function objectReference({ type, id }: { readonly type: string; readonly id: string }): object {
  return { objectType: type, objectId: id };
}

function subjectReference(subject: SubjectRef): object {
  return { object: objectReference(subject), optionalRelation: subject.relation };
}

function answerOf(permissionship: number): Answer {
  if (permissionship === hasPermission) return "allowed";
  return permissionship === noPermission ? "denied" : failed(`permissionship ${permissionship}`);
}

function pairAnswer({ response }: BulkPair): Answer {
  if (response.oneofKind === "item") return answerOf(response.item.permissionship);
  return failed(response.oneofKind === "error" ? response.error.message : "no answer");
}
