import { assert, unreachable } from "../base/assert.js";
import { throwIfAborted } from "../base/abort.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { ObjectRef } from "../model/object.js";
import type { Arrow, Rewrite } from "../model/schema/rewrite.js";
import type { Relation } from "../model/schema/schema.js";
import type { ExpandNode, ExpandSubject } from "../model/service.js";
import { isUserset } from "../model/subject.js";
import { isExpired, type Tuple } from "../model/tuple.js";
import type { TupleKey } from "../storage/store.js";
import type { Ground } from "./evaluate.js";
import { arrowText } from "./plan.js";

/**
 * The userset tree of an object's relation or permission: unions, intersections and exclusions as the schema
 * writes them, leaves with the subjects of tuples. An arrow is a leaf (`.all()`: an intersection of leaves) whose subjects
 * are the usersets that it leads to. One level deep, usersets stay as they are; deep, each is expanded in its turn, except
 * where that would repeat itself. Conditions and expirations are shown and not evaluated; expired tuples are left out.
 *
 * @throws `evaluation_too_large`, `cancelled`, `deadline_exceeded`
 */
export async function expand(object: ObjectRef, member: string, deep: boolean, ground: Ground, signal?: AbortSignal): Promise<ExpandNode> {
  return new Expansion(deep, ground, signal).member(object, member, [`${object.type}:${object.id}#${member}`]);
}

class Expansion {
  readonly #deep: boolean;
  readonly #ground: Ground;
  readonly #signal: AbortSignal | undefined;
  #nodes = 0;

  constructor(deep: boolean, ground: Ground, signal: AbortSignal | undefined) {
    this.#deep = deep;
    this.#ground = ground;
    this.#signal = signal;
  }

  /** @param path the usersets being expanded, outermost first */
  async member(object: ObjectRef, member: string, path: readonly string[]): Promise<ExpandNode> {
    const node = this.#ground.schema.definitions.get(object.type)?.members.get(member);
    if (node === undefined) return this.#leaf(object, member, []);
    if (node.kind === "permission") return this.#rewrite(object, node.name, node.rewrite, path);
    return this.#relation(object, node, path);
  }

  async #relation(object: ObjectRef, relation: Relation, path: readonly string[]): Promise<ExpandNode> {
    const tuples = await this.#list(object, relation.name);
    return this.#leaf(object, relation.name, await this.#subjects(tuples, (tuple) => tuple.subject.relation, path));
  }

  async #rewrite(object: ObjectRef, member: string, rewrite: Rewrite, path: readonly string[]): Promise<ExpandNode> {
    switch (rewrite.kind) {
      case "union":
      case "intersection":
        return this.#branch(rewrite.kind, object, member, await this.#all(rewrite.operands, (operand) => this.#rewrite(object, member, operand, path)));
      case "exclusion":
        return this.#branch("exclusion", object, member, await this.#all([rewrite.base, rewrite.subtracted], (operand) => this.#rewrite(object, member, operand, path)));
      case "computed":
        // Thousands of permissions may stand in a row: each goes on from an empty stack.
        await Promise.resolve();
        return this.member(object, rewrite.name, path);
      case "arrow":
        return this.#arrow(object, rewrite, path);
      case "self":
        return this.#leaf(object, "self", [{ subject: { ...object, relation: "" } }]);
      case "nil":
        return this.#leaf(object, "nil", []);
      default:
        return unreachable(rewrite);
    }
  }

  async #arrow(object: ObjectRef, arrow: Arrow, path: readonly string[]): Promise<ExpandNode> {
    const has = (tuple: Tuple) => this.#ground.schema.definitions.get(tuple.subject.type)?.members.has(arrow.permission) ?? false;
    const tuples = await this.#list(object, arrow.tupleset);
    const text = arrowText(arrow);
    if (arrow.quantifier === "any") {
      return this.#leaf(object, text, await this.#subjects(tuples.filter(has), () => arrow.permission, path));
    }
    const leaves = await this.#all(tuples, async (tuple) => this.#leaf(object, text, await this.#subjects(has(tuple) ? [tuple] : [], () => arrow.permission, path)));
    return leaves.length === 0 ? this.#leaf(object, text, []) : this.#branch("intersection", object, text, leaves);
  }

  async #subjects(tuples: readonly Tuple[], memberOf: (tuple: Tuple) => string, path: readonly string[]): Promise<ExpandSubject[]> {
    return this.#all(tuples, async (tuple) => {
      const subject = { type: tuple.subject.type, id: tuple.subject.id, relation: memberOf(tuple) };
      const expanded = this.#deep && isUserset(subject) ? await this.#userset(subject, path) : undefined;
      return {
        subject,
        ...(tuple.condition === undefined ? {} : { condition: tuple.condition }),
        ...(tuple.expiresAt === undefined ? {} : { expiresAt: tuple.expiresAt }),
        ...(expanded === undefined ? {} : { expanded }),
      };
    });
  }

  /** What the userset holds; undefined where it is already being expanded or lies deeper than a check would go. */
  async #userset(subject: { type: string; id: string; relation: string }, path: readonly string[]): Promise<ExpandNode | undefined> {
    const name = `${subject.type}:${subject.id}#${subject.relation}`;
    if (path.includes(name)) return undefined;
    if (path.length >= this.#ground.schema.dialect.depthMax) {
      throw new UsherError("depth_exceeded", `expansion goes deeper than ${this.#ground.schema.dialect.depthMax} usersets and arrows`);
    }
    return this.member({ type: subject.type, id: subject.id }, subject.relation, [...path, name]);
  }

  async #list(object: ObjectRef, relation: string): Promise<Tuple[]> {
    const found: Tuple[] = [];
    const filter = { objectType: object.type, objectId: object.id, relation };
    let after: TupleKey | undefined;
    do {
      throwIfAborted(this.#signal);
      const page = await this.#ground.snapshot.list(this.#ground.tenant, { filter, limit: limits.pageTuplesMax, ...(after === undefined ? {} : { after }) }, this.#signal);
      found.push(...page.tuples.filter((tuple) => !isExpired(tuple, this.#ground.now)));
      this.#count(page.tuples.length);
      after = page.next;
    } while (after !== undefined);
    return found;
  }

  /** One after the other: an expansion must not fill the queue of reads that checks wait in. */
  async #all<In, Out>(items: readonly In[], make: (item: In) => Promise<Out>): Promise<Out[]> {
    const made: Out[] = [];
    for (const item of items) made.push(await make(item));
    return made;
  }

  #branch(kind: "union" | "intersection" | "exclusion", object: ObjectRef, member: string, children: readonly ExpandNode[]): ExpandNode {
    assert(kind !== "exclusion" || children.length === 2, "an exclusion has a base and what is subtracted");
    this.#count(1);
    return { kind, object, member, children, subjects: [] };
  }

  #leaf(object: ObjectRef, member: string, subjects: readonly ExpandSubject[]): ExpandNode {
    this.#count(1);
    return { kind: "leaf", object, member, children: [], subjects };
  }

  #count(nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes <= limits.expandNodesMax) return;
    throw new UsherError("evaluation_too_large", `the tree has more than ${limits.expandNodesMax} nodes and subjects: expand one level at a time`);
  }
}
