import { checkName } from "../../../model/object.js";
import type { ExpandNode, ExpandRequest, ExpandResponse } from "../../../model/service.js";
import { readConsistency, type ConsistencyMessage, type TokenMessage } from "./consistency.js";
import { RequestReader, ResponseWriter } from "./converters.js";
import { readObject, writeObject, writeSubject, type ObjectMessage, type SubjectMessage } from "./references.js";

interface ExpandRequestMessage {
  readonly consistency?: ConsistencyMessage | null;
  readonly resource?: ObjectMessage | null;
  readonly permission: string;
}

interface ExpandResponseMessage {
  readonly expandedAt: TokenMessage;
  readonly treeRoot: TreeMessage;
}

interface TreeMessage {
  readonly intermediate?: { readonly operation: number; readonly children: readonly TreeMessage[] };
  readonly leaf?: { readonly subjects: readonly SubjectMessage[] };
  readonly expandedObject: ObjectMessage;
  readonly expandedRelation: string;
}

/** `AlgebraicSubjectSet.Operation` */
const operations = { union: 1, intersection: 2, exclusion: 3 } as const;

export const expandRequest = new RequestReader<ExpandRequest, ExpandRequestMessage>("ExpandPermissionTreeRequest", (message) => {
  const consistency = readConsistency(message.consistency);
  return { object: readObject(message.resource, "resource"), permission: checkName(message.permission, "permission"), ...(consistency && { consistency }) };
});

/** The tree, and the permission that was asked for: of `view = viewer` ours is that of `viewer` alone, around which SpiceDB has a union. */
export const expandResponse = new ResponseWriter<ExpandResponse & Pick<ExpandRequest, "permission">, ExpandResponseMessage>("ExpandPermissionTreeResponse", ({ zookie, tree, permission }) => {
  const root = writeTree(tree);
  const wrapped = { intermediate: { operation: operations.union, children: [root] }, expandedObject: root.expandedObject, expandedRelation: permission };
  return { expandedAt: { token: zookie }, treeRoot: tree.member === permission ? root : wrapped };
});

function writeTree({ kind, object, member, children, subjects }: ExpandNode): TreeMessage {
  const expanded = { expandedObject: writeObject(object), expandedRelation: member };
  if (kind === "leaf") return { leaf: { subjects: subjects.map(({ subject }) => writeSubject(subject)) }, ...expanded };
  return { intermediate: { operation: operations[kind], children: children.map(writeTree) }, ...expanded };
}
