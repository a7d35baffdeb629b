import { UsherError, type ErrorCode } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Usher } from "../../client/usher.js";
import { compileSchema } from "../../model/schema/compile.js";
import type { Schema } from "../../model/schema/schema.js";
import { checkTuple } from "../../model/schema/shape.js";
import type { Operation } from "../../model/service.js";
import { formatTuple, tupleIdentity, type Tuple } from "../../model/tuple.js";
import { decodeZookie } from "../../model/zookie.js";
import { quote } from "../../model/object.js";
import { receive, refusalOf, type RefusedList, type Refusal } from "./refused.js";
import type { WatchMessage } from "./messages.js";
import { SourceMetadata, tokenKey } from "./source-metadata.js";

/** `RelationshipUpdate.Operation` */
const operationDelete = 3;

/** Operations of one write stay well below a message, whatever their contexts hold. */
const writeBytesMax = limits.messageBytesMax / 4;

/** A mirror whose position is not on this database any more, though it is this database. */
const goneBack: readonly ErrorCode[] = ["zookie_ahead", "zookie_of_lost_timeline", "zookie_expired", "schema_missing"];

/** What becomes of the mirror, to be told. */
export interface MirrorEvents {
  refused(refusal: Refusal): void;
  /** A tuple had to go since the new schema does not allow it. */
  orphaned(tuple: Tuple): void;
  note(text: string): void;
}

/** The Usher database that is made to hold what a SpiceDB holds. */
export class Mirror {
  readonly #usher: Usher;
  readonly #metadata: SourceMetadata;
  readonly #refused: RefusedList;
  readonly #events: MirrorEvents;
  #schema: Schema | undefined;
  /** Of the last commit that is known. */
  #zookie: string | undefined;

  constructor(usher: Usher, source: string, refused: RefusedList, events: MirrorEvents) {
    this.#usher = usher;
    this.#metadata = new SourceMetadata(source, events);
    this.#refused = refused;
    this.#events = events;
  }

  get zookie(): string | undefined {
    return this.#zookie;
  }

  /** Whether it holds no tuple. Tells the newest zookie as well, where there is a schema. */
  async isEmpty(): Promise<boolean> {
    try {
      const { tuples, zookie } = await this.#usher.readPage({}, { pageSize: 1 });
      this.#zookie = zookie;
      return tuples.length === 0;
    } catch (error) {
      if (error instanceof UsherError && error.code === "schema_missing") return true;
      throw error;
    }
  }

  /**
   * The newest token of the source whose updates have been committed after the zookie, which the commits themselves tell; the given one where none was.
   * Undefined: the database is not as far as the zookie any more, or does not reach back to it. @throws `zookie_of_other_store`, `zookie_of_other_tenant`
   */
  async reached(token: string, zookie: string): Promise<string | undefined> {
    try {
      const { zookie: head } = await this.#usher.readPage({}, { pageSize: 1, consistency: { kind: "atLeast", zookie } });
      const revision = decodeZookie(head).revision;
      let reached = token;
      if (decodeZookie(zookie).revision < revision) {
        for await (const event of this.#usher.watch({ after: zookie, checkpointMs: limits.watchCheckpointMsMin })) {
          if (event.kind === "commit") reached = this.#metadata.tokenOf(event.metadata) ?? reached;
          if (event.zookie !== undefined && decodeZookie(event.zookie).revision >= revision) break;
        }
      }
      this.#zookie = head;
      return reached;
    } catch (error) {
      if (error instanceof UsherError && goneBack.includes(error.code)) return undefined;
      throw error;
    }
  }

  /** Writes the schema unless it is in force; tuples that it does not allow go first. True: it was another one. @throws `invalid_schema` */
  async adoptSchema(text: string): Promise<boolean> {
    const schema = compileOf(text);
    const before = await this.#schemaText();
    this.#schema = schema;
    if (before === text) return false;
    try {
      await this.#writeSchema(text);
    } catch (error) {
      if (!(error instanceof UsherError && error.code === "schema_orphans_tuples")) throw error;
      await this.#removeWhere((tuple) => whatIsWrong(schema, tuple), "the schema of the source does not allow it");
      await this.#writeSchema(text);
    }
    await this.#tryRefused();
    return true;
  }

  /** Imports what fits; the rest is refused by name. @param see told of each that the source holds and that is imported */
  async importAll(relationships: AsyncIterable<readonly Parameters<typeof receive>[0][]>, see: (tuple: Tuple) => void): Promise<{ readonly imported: number; readonly changed: number }> {
    const { imported, changed, zookie, skipped, problems } = await this.#usher.importTuples(this.#fitting(relationships, see), { metadata: this.#metadata.own(), skipProblems: true });
    this.#zookie = zookie;
    const [problem] = problems.filter(({ code }) => code !== "duplicate_operation");
    if (problem !== undefined) throw new UsherError(problem.code, `${skipped} relationships were refused that fit the schema, the first one: ${problem.message}; does somebody else write to this database?`);
    return { imported, changed };
  }

  /** Deletes what the source does not hold. */
  async removeOthers(isHeld: (tuple: Tuple) => boolean): Promise<number> {
    return this.#removeWhere((tuple) => (isHeld(tuple) ? undefined : new UsherError("invalid_tuple", "it is not there")), undefined);
  }

  /** What is to be done for what the source committed; what cannot stand here is refused by name, which the caller keeps before it commits. */
  operationsOf({ updates }: WatchMessage): readonly Operation[] {
    const operations = new Map<string, Operation>();
    for (const { operation, relationship } of updates) {
      const received = receive(relationship);
      if ("reason" in received) this.#refuse(received, operation === operationDelete);
      else for (const each of this.#operationsOf(received.tuple, operation === operationDelete)) operations.set(tupleIdentity(each.tuple), each);
    }
    return [...operations.values()];
  }

  /** In one commit, or in parts where it is more than one write takes, the last of which has the token. */
  async commit(operations: readonly Operation[], { changesThrough, optionalTransactionMetadata }: WatchMessage): Promise<void> {
    const metadata = this.#metadata.of(optionalTransactionMetadata, changesThrough?.token ?? "");
    const { [tokenKey]: _, ...unfinished } = metadata;
    const parts = partsOf(operations);
    for (const [at, part] of parts.entries()) this.#zookie = (await this.#usher.write(part, { metadata: at === parts.length - 1 ? metadata : unfinished })).zookie;
  }

  #operationsOf(tuple: Tuple, isDelete: boolean): Operation[] {
    const identity = { object: tuple.object, relation: tuple.relation, subject: tuple.subject };
    const schema = this.#schema as Schema;
    const wrong = isDelete ? undefined : whatIsWrong(schema, tuple);
    if (wrong === undefined) this.#refused.remove(tupleIdentity(tuple));
    else this.#refuse(refusalOf(tuple, wrong), false);
    if (!isDelete && wrong === undefined) return [{ kind: "touch", tuple }];
    // What stood before under the same identity stands no longer, though what stands instead is refused.
    return fits(schema, identity, "delete") ? [{ kind: "delete", tuple: identity }] : [];
  }

  #refuse(refusal: Refusal, isDelete: boolean): void {
    if (isDelete) return this.#refused.remove(refusal.relationship);
    this.#refused.add(refusal);
    this.#events.refused(refusal);
  }

  async *#fitting(relationships: AsyncIterable<readonly Parameters<typeof receive>[0][]>, see: (tuple: Tuple) => void): AsyncGenerator<Tuple, void> {
    for await (const batch of relationships) {
      for (const message of batch) {
        const received = receive(message);
        const wrong = "reason" in received ? received : refusedBy(this.#schema as Schema, received.tuple);
        if (wrong !== undefined) this.#refuse(wrong, false);
        else if ("tuple" in received) {
          see(received.tuple);
          yield received.tuple;
        }
      }
    }
  }

  /** After a change of the schema: what was refused may fit now. */
  async #tryRefused(): Promise<void> {
    const fitting = this.#refused.tuples().filter((tuple) => fits(this.#schema as Schema, tuple, "write"));
    for (const part of partsOf(fitting.map((tuple) => ({ kind: "touch", tuple })))) this.#zookie = (await this.#usher.write(part, { metadata: this.#metadata.own() })).zookie;
    for (const tuple of fitting) this.#refused.remove(tupleIdentity(tuple));
  }

  /** @param orphan why they go, where the source may still hold them: then they are told, and kept as refused */
  async #removeWhere(wrong: (tuple: Tuple) => UsherError | undefined, orphan: string | undefined): Promise<number> {
    let removed = 0;
    for await (const { tuples } of this.#usher.exportTuples()) {
      const going = tuples.filter((tuple) => wrong(tuple) !== undefined);
      if (orphan !== undefined) for (const tuple of going) this.#orphan(tuple, orphan);
      for (const part of partsOf(going.map(({ object, relation, subject }) => ({ kind: "delete", tuple: { object, relation, subject } })))) {
        const { zookie, changed } = await this.#usher.write(part, { metadata: this.#metadata.own() });
        this.#zookie = zookie;
        removed += changed;
      }
    }
    return removed;
  }

  #orphan(tuple: Tuple, reason: string): void {
    this.#refused.add({ relationship: formatTuple(tuple), reason });
    this.#events.orphaned(tuple);
  }

  async #writeSchema(text: string): Promise<void> {
    this.#zookie = (await this.#usher.writeSchema(text, { metadata: this.#metadata.own() })).zookie;
  }

  async #schemaText(): Promise<string | undefined> {
    try {
      return (await this.#usher.readSchema()).text;
    } catch (error) {
      if (error instanceof UsherError && error.code === "schema_missing") return undefined;
      throw error;
    }
  }
}

function compileOf(text: string): Schema {
  try {
    return compileSchema(text);
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    throw new UsherError(error.code, `the schema of the source cannot be written here: ${error.message}`, { details: error.details, cause: error });
  }
}

function refusedBy(schema: Schema, tuple: Tuple): Refusal | undefined {
  const wrong = whatIsWrong(schema, tuple);
  return wrong && refusalOf(tuple, wrong);
}

function fits(schema: Schema, tuple: Tuple, how: "write" | "delete"): boolean {
  return whatIsWrong(schema, tuple, how) === undefined;
}

function whatIsWrong(schema: Schema, tuple: Tuple, how: "write" | "delete" = "write"): UsherError | undefined {
  try {
    checkTuple(schema, tuple, how);
    return undefined;
  } catch (error) {
    if (error instanceof UsherError) return error;
    throw error;
  }
}

/** What ends comes first. */
function partsOf(operations: readonly Operation[]): Operation[][] {
  const parts: Operation[][] = [];
  let bytes = Infinity;
  for (const operation of [...operations].sort((a, b) => Number(b.kind === "delete") - Number(a.kind === "delete"))) {
    const size = formatTuple(operation.tuple).length;
    if (bytes + size > writeBytesMax || parts.at(-1)?.length === limits.operationsPerWriteMax) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(operation);
    bytes += size;
  }
  return parts;
}

/** A database that holds something is nobody's mirror unless it is said. */
export function occupied(path: string): UsherError {
  return new UsherError("precondition_failed", `the database holds tuples, and file ${quote(path)} tells of no mirror in it: give --state of an earlier run, or --replace to make it hold what the source holds and nothing else`);
}
