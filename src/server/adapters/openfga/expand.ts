import { limits } from "../../../base/limits.js";
import type { Call, Consistency, Service } from "../../../model/service.js";
import type { Tuple } from "../../../model/tuple.js";
import type { Asked } from "./bodies.js";
import { contextualOf } from "./checks.js";
import { shapeOf } from "./convert.js";
import type { Userset } from "./model.js";
import { tupleRelation } from "./names.js";
import { nativeObject, parseObject, userText, type Reference } from "./references.js";
import type { Model, Stores } from "./store.js";

/** One level, as OpenFGA's: the rewrite of the relation with the tuples that it reads; what it leads to is named, not followed. */
export async function expand(service: Service, stores: Stores, asked: Asked<"expand">, call: Call): Promise<object> {
  return stores.answer(call, asked.authorization_model_id, async (model, { zookie }) => {
    const about = parseObject(asked.tuple_key.object);
    const rewrite = model.rewrite(about.type, asked.tuple_key.relation);
    const { contextualTuples = [] } = contextualOf(asked.contextual_tuples, model);
    const expansion = new Expansion(service, model, about, contextualTuples, { kind: "atLeast", zookie }, call);
    return { tree: { root: await expansion.node(rewrite, asked.tuple_key.relation) } };
  });
}

class Expansion {
  readonly #service: Service;
  readonly #model: Model;
  readonly #about: Reference;
  readonly #contextual: readonly Tuple[];
  readonly #call: Call;
  #consistency: Consistency;

  constructor(service: Service, model: Model, about: Reference, contextual: readonly Tuple[], consistency: Consistency, call: Call) {
    this.#service = service;
    this.#model = model;
    this.#about = about;
    this.#contextual = contextual;
    this.#consistency = consistency;
    this.#call = call;
  }

  async node(rewrite: Userset, relation: string): Promise<object> {
    const name = this.#userset(relation);
    if ("computedUserset" in rewrite) return { name, leaf: { computed: { userset: this.#userset(rewrite.computedUserset.relation) } } };
    if ("tupleToUserset" in rewrite) {
      const { tupleset, computedUserset } = rewrite.tupleToUserset;
      const parents = await this.#users(tupleset.relation);
      return { name, leaf: { tupleToUserset: { tupleset: this.#userset(tupleset.relation), computed: parents.map((user) => ({ userset: `${user}#${computedUserset.relation}` })) } } };
    }
    if ("union" in rewrite) return { name, union: { nodes: await this.#nodes(rewrite.union.child, relation) } };
    if ("intersection" in rewrite) return { name, intersection: { nodes: await this.#nodes(rewrite.intersection.child, relation) } };
    if ("difference" in rewrite) return { name, difference: { base: await this.node(rewrite.difference.base, relation), subtract: await this.node(rewrite.difference.subtract, relation) } };
    return { name, leaf: { users: { users: await this.#users(relation) } } };
  }

  async #nodes(children: readonly Userset[], relation: string): Promise<object[]> {
    const nodes: object[] = [];
    for (const child of children) nodes.push(await this.node(child, relation));
    return nodes;
  }

  #userset(relation: string): string {
    return `${this.#about.type}:${this.#about.id}#${relation}`;
  }

  /** All at the snapshot of the first read. */
  async #users(relation: string): Promise<string[]> {
    const object = nativeObject(this.#about);
    const natives = new Set(this.#model.restrictions(this.#about.type, relation).map((restriction) => tupleRelation(relation, shapeOf(restriction))));
    const tuples = this.#contextual.filter((tuple) => tuple.object.type === object.type && tuple.object.id === object.id && natives.has(tuple.relation));
    for (const native of natives) {
      let cursor: string | undefined;
      do {
        const filter = { objectType: object.type, objectId: object.id, relation: native };
        const page = await this.#service.readTuples({ filter, pageSize: limits.pageTuplesMax, ...(cursor === undefined ? { consistency: this.#consistency } : { cursor }) }, this.#call);
        this.#consistency = { kind: "exact", zookie: page.zookie };
        tuples.push(...page.tuples);
        cursor = page.cursor;
      } while (cursor !== undefined);
    }
    return [...new Set(tuples.map(({ subject }) => userText(subject)))];
  }
}
