import { UsherError } from "../../../base/errors.js";

export type Json = Readonly<Record<string, unknown>>;

/** AuthZEN's information model: who wants to do what to which, and with what around it. A search leaves one of the ids, or the action, out. */
export interface Question {
  readonly subject: Entity;
  readonly action: Action;
  readonly resource: Entity;
  readonly context: Json;
}

export interface Entity {
  readonly type: string;
  /** Empty where it is searched for. */
  readonly id: string;
  readonly properties: Json | undefined;
}

export interface Action {
  /** Empty where it is searched for. */
  readonly name: string;
  readonly properties: Json | undefined;
}

/** What a search leaves out; nothing is asked for that it sends there. */
export type Sought = "subject" | "action" | "resource" | undefined;

/**
 * Reads a question. Fields that are not known are ignored, as the standard has it.
 * @param defaults what stands beside a list of questions: an entity of the question goes before it as a whole, but for `type`, `id` and `name`, which it may leave out
 * @throws `invalid_request`, with `details.field`
 */
export function readQuestion(from: Json, sought?: Sought, defaults: Json = {}): Question {
  const subject = member(from, defaults, "subject");
  const action = sought === "action" ? {} : member(from, defaults, "action");
  const resource = member(from, defaults, "resource");
  return {
    subject: readEntity(subject, "subject", sought),
    action: { name: sought === "action" ? "" : text(action, "action", "name"), properties: properties(action, "action") },
    resource: readEntity(resource, "resource", sought),
    context: optionalObject(from.context === undefined ? defaults.context : from.context, "context") ?? {},
  };
}

function readEntity(from: Json, name: "subject" | "resource", sought: Sought): Entity {
  return { type: text(from, name, "type"), id: sought === name ? "" : text(from, name, "id"), properties: properties(from, name) };
}

function member(from: Json, defaults: Json, name: "subject" | "action" | "resource"): Json {
  const own = optionalObject(from[name], name);
  const other = optionalObject(defaults[name], name);
  if (own === undefined && other === undefined) throw invalid(name, "is missing: it must be an object");
  if (own === undefined || other === undefined) return own ?? other ?? {};
  const { type, id, name: word } = other;
  return { type, id, name: word, ...own };
}

function text(from: Json, name: string, field: string): string {
  const value = from[field];
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`${name}.${field}`, value === undefined ? "is missing" : "must be a text that is not empty");
}

function properties(from: Json, name: string): Json | undefined {
  return optionalObject(from.properties, `${name}.properties`);
}

function optionalObject(value: unknown, field: string): Json | undefined {
  return value === undefined ? undefined : readObject(value, field);
}

/** @throws `invalid_request` */
export function readObject(value: unknown, field: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw invalid(field, "must be an object");
}

export function invalid(field: string, problem: string): UsherError {
  return new UsherError("invalid_request", `field \`${field}\` ${problem}`, { details: { field } });
}
