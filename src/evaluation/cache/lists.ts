import { limits } from "../../base/limits.js";
import type { Tuple } from "../../model/tuple.js";
import type { Revision } from "../../model/zookie.js";
import { isOfKind, tooMany, type ListKind, type TupleList } from "../reads.js";
import type { Weighed } from "./generations.js";
import { Leaf, type ListLeaf } from "./leaf.js";

/** With its entry in a map; measured on Node.js 20. */
const listsBytes = 170;

/** The lists of one object's relation that were read, by kind: seldom more than two. */
export class Lists implements Weighed {
  readonly #entries: { readonly kind: ListKind; readonly leaf: ListLeaf }[] = [];

  get bytes(): number {
    return this.#entries.reduce((sum, { leaf }) => sum + leaf.bytes, listsBytes);
  }

  /** Not loaded when it is new. */
  of(kind: ListKind): ListLeaf {
    for (const entry of this.#entries) if (entry.kind === kind || entry.kind.text === kind.text) return entry.leaf;
    const leaf: ListLeaf = new Leaf();
    this.#entries.push({ kind, leaf });
    return leaf;
  }

  /** What a commit made of a tuple of the relation: written as it stands, or deleted. */
  change(tuple: Tuple, written: boolean, revision: Revision): void {
    for (const { kind, leaf } of this.#entries) {
      if (isOfKind(tuple.subject, kind)) leaf.change(changed(leaf.value, tuple, written, limits.listTuplesMax), revision);
    }
  }
}

/** A new list: walks and explanations may hold the old one. What is not known as a whole is loaded anew. @param max of a list that is known */
export function changed(list: TupleList | undefined, tuple: Tuple, written: boolean, max: number): TupleList | undefined {
  if (list === undefined || list === tooMany) return undefined;
  const { object, subject } = tuple;
  // Of a list either the object and relation, or the subject, the relation and the object's type are the same throughout.
  const at = list.findIndex((other) => other.object.id === object.id && other.subject.id === subject.id && other.subject.type === subject.type && other.subject.relation === subject.relation);
  if (at < 0 && !written) return list;
  if (at < 0) return list.length >= max ? tooMany : [...list, tuple];
  const copy = [...list];
  if (written) copy[at] = tuple;
  else copy.splice(at, 1);
  return copy;
}
