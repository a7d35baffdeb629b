import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { v1 } from "@authzed/authzed-node";
import { status, type Metadata } from "@grpc/grpc-js";

import { protoRoot } from "../../../../src/base/proto.js";
import { Database } from "../../../../src/database/database.js";
import type { Context } from "../../../../src/model/context.js";
import { parseTuple } from "../../../../src/model/tuple-text.js";
import type { Tuple } from "../../../../src/model/tuple.js";
import { serve, type Server, type ServerOptions } from "../../../../src/server/server.js";

/** The official client of SpiceDB, on a server with a database of its own. */
export class Spice {
  readonly database: Database;
  readonly server: Server;
  readonly client: v1.ZedClientInterface;
  readonly #folder: string;

  private constructor(folder: string, database: Database, server: Server) {
    this.#folder = folder;
    this.database = database;
    this.server = server;
    this.client = clientOf(server, "somekey");
  }

  static async open(options: Partial<ServerOptions> = {}): Promise<Spice> {
    const folder = await mkdtemp(join(tmpdir(), "usher-authzed-"));
    const database = await Database.open(join(folder, "data"));
    return new Spice(folder, database, await serve(database, { address: "127.0.0.1:0", onError: (error) => assert.fail(error), ...options }));
  }

  get calls(): v1.ZedPromiseClientInterface {
    return this.client.promises;
  }

  /** The ZedToken of the commit. */
  async schema(schema: string): Promise<string> {
    const { writtenAt } = await this.calls.writeSchema(v1.WriteSchemaRequest.create({ schema }));
    return tokenOf(writtenAt);
  }

  /** Lines as `doc:1#viewer@user:ana`, each written or, after `-`, deleted. The ZedToken of the commit. */
  async write(...lines: readonly string[]): Promise<string> {
    const { writtenAt } = await this.calls.writeRelationships(v1.WriteRelationshipsRequest.create({ updates: lines.map(update) }));
    return tokenOf(writtenAt);
  }

  /** `HAS`, `CONDITIONAL` or `NO`. */
  async check(text: string, context?: Context, consistency?: v1.Consistency): Promise<string> {
    const { permissionship } = await this.calls.checkPermission(question(text, context, consistency));
    return answers[permissionship] ?? String(permissionship);
  }

  async close(): Promise<void> {
    this.client.close();
    await this.server.close(1_000);
    await this.database.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export const answers: readonly string[] = ["UNSPECIFIED", "NO", "HAS", "CONDITIONAL"];

/** Of lookups, which have no `NO`. */
export const found: readonly string[] = ["UNSPECIFIED", "HAS", "CONDITIONAL"];

export function clientOf(server: Server, key: string): v1.ZedClientInterface {
  return v1.NewClient(key, server.address, v1.ClientSecurity.INSECURE_PLAINTEXT_CREDENTIALS);
}

export function tokenOf(token: v1.ZedToken | undefined): string {
  assert.ok(token !== undefined && token.token !== "", "there is a ZedToken");
  return token.token;
}

export function objectOf(type: string, id: string): v1.ObjectReference {
  return { objectType: type, objectId: id };
}

export function subjectOf(type: string, id: string, relation = ""): v1.SubjectReference {
  return { object: objectOf(type, id), optionalRelation: relation };
}

export function relationshipOf({ object, relation, subject, condition, expiresAt }: Tuple): v1.Relationship {
  return v1.Relationship.create({
    resource: objectOf(object.type, object.id),
    relation,
    subject: subjectOf(subject.type, subject.id, subject.relation),
    ...(condition && { optionalCaveat: { caveatName: condition.name, context: structOf(condition.context) } }),
    ...(expiresAt !== undefined && { optionalExpiresAt: { seconds: String(Math.floor(expiresAt / 1_000)), nanos: (expiresAt % 1_000) * 1_000_000 } }),
  });
}

export function structOf(context: Context): v1.PbStruct {
  return v1.createStructFromObject(context as Parameters<typeof v1.createStructFromObject>[0]);
}

export function update(line: string): v1.RelationshipUpdate {
  const remove = line.startsWith("-");
  return {
    operation: remove ? v1.RelationshipUpdate_Operation.DELETE : v1.RelationshipUpdate_Operation.TOUCH,
    relationship: relationshipOf(parseTuple(remove ? line.slice(1) : line)),
  };
}

/** @param text `doc:1#view@user:ana` */
export function question(text: string, context?: Context, consistency?: v1.Consistency): v1.CheckPermissionRequest {
  const { object, relation, subject } = parseTuple(text);
  return v1.CheckPermissionRequest.create({
    resource: objectOf(object.type, object.id),
    permission: relation,
    subject: subjectOf(subject.type, subject.id, subject.relation),
    ...(context && { context: structOf(context) }),
    ...(consistency && { consistency }),
  });
}

export function atLeast(token: string): v1.Consistency {
  return { requirement: { oneofKind: "atLeastAsFresh", atLeastAsFresh: { token } } };
}

export function exactly(token: string): v1.Consistency {
  return { requirement: { oneofKind: "atExactSnapshot", atExactSnapshot: { token } } };
}

interface Told {
  readonly code: status;
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What an error of a call says of itself, beside its words. */
export function told(error: unknown): Told {
  const { code, metadata } = error as { readonly code: status; readonly metadata: Metadata };
  const [packed] = metadata.get("grpc-status-details-bin");
  assert.ok(Buffer.isBuffer(packed), `${String(error)} has details`);
  const decode = (type: string, bytes: Uint8Array) => protoRoot().lookupType(type).toObject(protoRoot().lookupType(type).decode(bytes), { defaults: true });
  const { details } = decode("google.rpc.Status", packed) as { readonly details: readonly { readonly value: Uint8Array }[] };
  return { code, ...(decode("google.rpc.ErrorInfo", details[0]?.value ?? new Uint8Array()) as Omit<Told, "code">) };
}

/** Refuses, with this status and this reason. */
export async function refuses(call: Promise<unknown>, code: status, reason: string): Promise<Told> {
  const error: unknown = await call.then(
    () => assert.fail(`it was not refused with ${reason}`),
    (thrown: unknown) => thrown,
  );
  const answer = told(error);
  assert.deepEqual([status[answer.code], answer.reason, answer.domain], [status[code], reason, "authzed.com"], String(error));
  return answer;
}
