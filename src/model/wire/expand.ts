import { checkName } from "../object.js";
import type { ExpandNode, ExpandRequest, ExpandResponse, ExpandSubject } from "../service.js";
import { readConsistency, writeConsistency, type ConsistencyMessage } from "./consistency.js";
import { WireEnum } from "./enum.js";
import {
  readCondition, readObject, readSubject, writeCondition,
  type ConditionMessage, type ObjectMessage, type SubjectMessage,
} from "./references.js";
import { instantToTimestamp, timestampToInstant, type TimestampMessage } from "./timestamp.js";
import { flatten, unflatten } from "./tree.js";

export interface ExpandRequestMessage {
  readonly object?: ObjectMessage | null;
  readonly permission: string;
  readonly deep?: boolean | undefined;
  readonly consistency?: ConsistencyMessage | null | undefined;
}

export interface ExpandResponseMessage {
  readonly zookie: string;
  readonly nodes: readonly NodeMessage[];
}

interface NodeMessage {
  readonly kind: number;
  readonly object?: ObjectMessage | null;
  readonly member: string;
  readonly children: readonly number[];
  readonly subjects: readonly ExpandSubjectMessage[];
}

interface ExpandSubjectMessage {
  readonly subject?: SubjectMessage | null;
  readonly condition?: ConditionMessage | null;
  readonly expiresAt?: TimestampMessage | null;
  readonly expanded?: number | null;
}

export const expandKinds = new WireEnum("usher.v1.ExpandKind", ["union", "intersection", "exclusion", "leaf"]);

export function writeExpandRequest(request: ExpandRequest): ExpandRequestMessage {
  const { object, permission, deep, consistency } = request;
  return { object, permission, deep: deep || undefined, consistency: writeConsistency(consistency) };
}

export function readExpandRequest(message: ExpandRequestMessage): ExpandRequest {
  const consistency = readConsistency(message.consistency);
  return {
    object: readObject(message.object, "object"),
    permission: checkName(message.permission, "permission"),
    ...(message.deep === true && { deep: true }),
    ...(consistency && { consistency }),
  };
}

export function writeExpandResponse(response: ExpandResponse): ExpandResponseMessage {
  return { zookie: response.zookie, nodes: flatten(response.tree, writeNode) };
}

export function readExpandResponse(message: ExpandResponseMessage): ExpandResponse {
  return { zookie: message.zookie, tree: unflatten(message.nodes, "nodes", readNode) };
}

function writeNode(node: ExpandNode, add: (child: ExpandNode) => number): NodeMessage {
  return {
    kind: expandKinds.toWire(node.kind),
    object: node.object,
    member: node.member,
    children: node.children.map(add),
    subjects: node.subjects.map((subject) => writeExpandSubject(subject, add)),
  };
}

function readNode(message: NodeMessage, take: (position: number) => ExpandNode): ExpandNode {
  return {
    kind: expandKinds.fromWire(message.kind),
    object: readObject(message.object, "object"),
    member: checkName(message.member, "member"),
    children: message.children.map(take),
    subjects: message.subjects.map((subject) => readExpandSubject(subject, take)),
  };
}

function writeExpandSubject(entry: ExpandSubject, add: (child: ExpandNode) => number): ExpandSubjectMessage {
  return {
    subject: entry.subject,
    ...(entry.condition && { condition: writeCondition(entry.condition) }),
    ...(entry.expiresAt !== undefined && { expiresAt: instantToTimestamp(entry.expiresAt) }),
    ...(entry.expanded && { expanded: add(entry.expanded) }),
  };
}

function readExpandSubject(message: ExpandSubjectMessage, take: (position: number) => ExpandNode): ExpandSubject {
  return {
    subject: readSubject(message.subject, "subject"),
    ...(message.condition && { condition: readCondition(message.condition) }),
    ...(message.expiresAt && { expiresAt: timestampToInstant(message.expiresAt, "expires_at") }),
    ...(typeof message.expanded === "number" && { expanded: take(message.expanded) }),
  };
}
