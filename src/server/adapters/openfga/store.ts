import type { Schema } from "../../../model/schema/schema.js";
import { limits } from "../../../base/limits.js";
import { quote } from "../../../model/object.js";
import { compileSchema } from "../../../model/schema/compile.js";
import type { Call, Service } from "../../../model/service.js";
import { shapeOf } from "./convert.js";
import { Refusal } from "./failures.js";
import { restrictionsOf, type AuthorizationModel, type Restriction, type Userset } from "./model.js";
import { nativeName } from "./names.js";
import type { Reference, TupleKey } from "./references.js";
import { parseObject, parseUser } from "./references.js";
import { parseStore, unpackModel, type StoreHead } from "./store-text.js";

/** A store as it stands: its models, and the native schema in force. */
export interface StoreState {
  readonly head: StoreHead;
  readonly schema: Schema;
  readonly zookie: string;
  /** Undefined: none has been written yet. */
  readonly model: Model | undefined;
}

/** The stores that have been asked for: each is read again, and parsed again only where its schema is another one. */
export class Stores {
  readonly #service: Service;
  readonly #parsed = new Map<string, StoreState>();
  /** By store, the last write of a model that is under way. */
  readonly #writing = new Map<string, Promise<unknown>>();

  constructor(service: Service) {
    this.#service = service;
  }

  /** @throws `store_id_not_found` for a tenant that there is not, or that is no store of OpenFGA's */
  async at(call: Call): Promise<StoreState> {
    const { text, zookie } = await this.#service.readSchema({}, call).catch((error: unknown) => {
      throw (error as { code?: unknown }).code === "schema_missing" ? notFound(call.tenant ?? "") : error;
    });
    const known = this.#parsed.get(zookie);
    if (known !== undefined) return known;
    const head = parseStore(text);
    if (head === undefined) throw notFound(call.tenant ?? "");
    const latest = head.models.at(-1);
    const state = { head, schema: compileSchema(text), zookie, model: latest && new Model(latest.id, unpackModel(latest)) };
    if (this.#parsed.size >= limits.schemasCompiledMax) this.#parsed.delete(this.#parsed.keys().next().value ?? "");
    this.#parsed.set(zookie, state);
    return state;
  }

  /** One write of a model after the other: each keeps those before it. */
  async exclusively<T>(store: string, body: () => Promise<T>): Promise<T> {
    const before = this.#writing.get(store) ?? Promise.resolve();
    const own = before.then(body, body);
    this.#writing.set(store, own);
    try {
      return await own;
    } finally {
      if (this.#writing.get(store) === own) this.#writing.delete(store);
    }
  }

  /**
   * Answers by the model that is in force, if it is the one that was asked for, or none was. The schema is read again behind the answer: where another
   * one came meanwhile, what was answered is asked anew.
   * @throws `authorization_model_not_found`, `latest_authorization_model_not_found`
   */
  async answer<T>(call: Call, modelId: string | undefined, body: (model: Model, state: StoreState) => Promise<T>): Promise<T> {
    for (let left: number = limits.schemaRetriesMax; ; left--) {
      const state = await this.at(call);
      const answered = await body(modelOf(state, modelId), state);
      if ((await this.at(call)).zookie === state.zookie || left === 0) return answered;
    }
  }
}

/** The model in force, where the one asked for answers as it does. */
export function modelOf({ head, model }: StoreState, id: string | undefined): Model {
  if (model === undefined) throw new Refusal("latest_authorization_model_not_found", "no authorization model has been written to the store yet: write one first");
  if (!id || id === model.id) return model;
  const asked = head.models.find((kept) => kept.id === id);
  if (asked === undefined) throw new Refusal("authorization_model_not_found", `authorization model ${quote(id)} not found`);
  if (asked.hash === head.models.at(-1)?.hash) return model;
  throw new Refusal("authorization_model_not_found", `authorization model ${quote(id)} is not in force any more: ${quote(model.id)} is, and answers otherwise; ask by that one, or leave the id out`);
}

function notFound(store: string): Refusal {
  return new Refusal("store_id_not_found", `store ${quote(store)} not found`, 404);
}

/** A model, and what requests are held against. */
export class Model {
  readonly id: string;
  readonly json: AuthorizationModel;
  readonly #types: ReadonlyMap<string, AuthorizationModel["type_definitions"][number]>;

  constructor(id: string, json: AuthorizationModel) {
    this.id = id;
    this.json = json;
    this.#types = new Map(json.type_definitions.map((definition) => [definition.type, definition]));
  }

  /** @throws the code that is given: OpenFGA's depends on who asks */
  rewrite(type: string, relation: string, typeCode = "validation_error", relationCode = "validation_error"): Userset {
    this.requireType(type, typeCode);
    const rewrite = this.#types.get(type)?.relations?.[relation];
    if (rewrite === undefined) throw new Refusal(relationCode, `relation ${quote(`${type}#${relation}`)} not found`);
    return rewrite;
  }

  requireType(type: string, code = "validation_error"): void {
    if (!this.#types.has(type)) throw new Refusal(code, `type ${quote(type)} not found`);
  }

  requireUser({ type, relation }: Reference): void {
    if (relation === "") this.requireType(type);
    else this.rewrite(type, relation);
  }

  restrictions(type: string, relation: string): readonly Restriction[] {
    const definition = this.#types.get(type);
    return definition === undefined ? [] : restrictionsOf(definition, relation);
  }

  /** @throws the code, with the reason */
  requireTuple(key: TupleKey, code: string): void {
    const refuse = (reason: string) => new Refusal(code, `invalid tuple ${quote(`${key.object}#${key.relation}@${key.user}`)}: ${reason}`);
    let about: Reference;
    let who: Reference;
    try {
      [about, who] = [parseObject(key.object), parseUser(key.user)];
      this.rewrite(about.type, key.relation);
      this.requireUser(who);
    } catch (error) {
      throw refuse((error as Error).message);
    }
    const allowed = this.restrictions(about.type, key.relation).some((restriction) => {
      const { type, relation, wildcard } = shapeOf(restriction);
      return type === who.type && relation === who.relation && wildcard === (who.id === "*") && (restriction.condition ?? "") === (key.condition?.name ?? "");
    });
    if (!allowed) throw refuse(`the relation does not allow this kind of user${key.condition === undefined ? " without a condition" : ` with condition ${quote(key.condition.name)}`}`);
  }

  /** Whether a check may ask it, by its native name. */
  permission(type: string, relation: string, typeCode?: string, relationCode?: string): string {
    this.rewrite(type, relation, typeCode, relationCode);
    return nativeName(relation);
  }
}
