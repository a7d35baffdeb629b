import type { Tuple } from "../../../src/model/tuple.js";
import type { Write } from "../../../src/storage/store.js";

/** What the killed process said, a line each. */
export type Told =
  | { readonly kind: "ready" }
  | { readonly kind: "sent"; readonly index: number }
  | { readonly kind: "acknowledged"; readonly index: number; readonly revision: number; readonly repeated: boolean };

export function tell(told: Told): string {
  return `${JSON.stringify(told)}\n`;
}

/** The last line may be cut by the kill: then it was not said. */
export function listen(text: string): Told[] {
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Told);
}

/** Deletes come so many writes later, which is more than are ever in flight: so they follow what they delete. */
export const deletedAfter = 40;

export function crashTuple(index: number): Tuple {
  return {
    object: { type: "doc", id: String(index % 7) },
    relation: "viewer",
    subject: index % 3 === 0 ? { type: "group", id: String(index), relation: "member" } : { type: "user", id: String(index), relation: "" },
    ...(index % 5 === 0 ? { condition: { name: "recent", context: { index } } } : {}),
  };
}

export function indexOf(tuple: Tuple): number {
  return Number(tuple.subject.id);
}

/** Each write is known by its index: one tuple more, and one of long before less. */
export function crashWrite(index: number): Write {
  const { object, relation, subject } = crashTuple(index - deletedAfter);
  return {
    tenant: 1,
    principal: "crash",
    requestId: String(index),
    requestHash: String(index),
    preconditions: [],
    operations: [
      { kind: "touch", tuple: crashTuple(index) },
      ...(index < deletedAfter ? [] : [{ kind: "delete" as const, tuple: { object, relation, subject } }]),
    ],
    metadata: { index: String(index) },
    validateOnly: false,
  };
}
