import type { Instant } from "../base/clock.js";
import { asError, UsherError } from "../base/errors.js";
import { CelValueError } from "./conditions/cel-error.js";
import { Timestamp } from "./conditions/timestamp.js";
import { checkContext, emptyContext, type Context } from "./context.js";
import { checkName, checkType, object, quote, type ObjectRef } from "./object.js";
import { subject, type SubjectRef } from "./subject.js";
import type { Tuple, TupleCondition } from "./tuple.js";

/** What `parseCheck` reads: the question of one check. */
export interface CheckText {
  readonly object: ObjectRef;
  readonly permission: string;
  readonly subject: SubjectRef;
  readonly context: Context;
}

const tupleForm = "`type:id#relation@type:id`, then maybe `#relation`, `[condition:{…}]` and `[expiration:2030-01-01T00:00:00Z]`";

/**
 * Reads what `formatTuple` writes: `doc:1#viewer@user:ana[ip:{"net":"10.0.0.0/8"}][expiration:2030-01-01T00:00:00Z]`.
 * The type ends at the first `:`, the object at the first `#`, the relation at the first `@`, so an id may
 * hold `:`, `@` and `/`; one that holds `[` or begins with `"` is written as a JSON string. A subject's
 * relation `...` is none. An expiration finer than a millisecond is cut to one.
 *
 * @throws `invalid_tuple`, `invalid_id`, `invalid_name`, `invalid_context`; details: `column`, from 1
 */
export function parseTuple(line: string): Tuple {
  const reader = new Reader(line, tupleForm);
  const parsedObject = reader.object();
  const relation = reader.relation();
  const parsedSubject = reader.subject();
  const condition = reader.condition();
  const expiresAt = reader.expiration();
  reader.end();
  return {
    object: parsedObject,
    relation,
    subject: parsedSubject,
    ...(condition === undefined ? {} : { condition }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** Reads `type:id`. @throws as `parseTuple` */
export function parseObject(text: string): ObjectRef {
  const reader = new Reader(text, "`type:id`");
  const parsed = reader.object();
  reader.end();
  return parsed;
}

/** Reads `user:ana`, `team:sre#member` or `user:*`. @throws as `parseTuple` */
export function parseSubject(text: string): SubjectRef {
  const reader = new Reader(text, "`type:id`, `type:id#relation` or `type:*`");
  const parsed = reader.subject();
  reader.end();
  return parsed;
}

/** Reads `document:1#view@user:ana`, and after ` with ` a JSON object, the context. @throws as `parseTuple` */
export function parseCheck(text: string): CheckText {
  const separator = " with ";
  const cut = text.indexOf(separator);
  const reader = new Reader(cut < 0 ? text : text.slice(0, cut), "`type:id#permission@type:id`, then maybe ` with {…}`");
  const parsed = { object: reader.object(), permission: reader.relation(), subject: reader.subject() };
  reader.end();
  const context = cut < 0 ? emptyContext : parseContext(text, cut + separator.length, text.length);
  return { ...parsed, context };
}

export interface TupleLine {
  readonly tuple: Tuple;
  /** From 1. */
  readonly line: number;
}

/** The tuples of a text, one a line; blank lines and lines that begin with `//` are skipped. @throws as `parseTuple`, with `line` in the details */
export function* parseTupleLines(text: string): Generator<TupleLine> {
  let line = 0;
  for (const raw of text.split("\n")) {
    line++;
    const trimmed = raw.trim();
    if (trimmed === "" || trimmed.startsWith("//")) continue;
    yield { line, tuple: withDetails({ line: String(line) }, () => parseTuple(trimmed)) };
  }
}

/** Reads one text from left to right. */
class Reader {
  readonly #text: string;
  readonly #form: string;
  #position = 0;

  constructor(text: string, form: string) {
    this.#text = text;
    this.#form = form;
  }

  object(): ObjectRef {
    const start = this.#position;
    const type = this.#until(":");
    const id = this.#id("#");
    return atColumn(start, () => object(type, id));
  }

  /** `#relation@` */
  relation(): string {
    this.#skip("#");
    const start = this.#position;
    const relation = this.#until("@");
    return atColumn(start, () => checkName(relation, "relation"));
  }

  subject(): SubjectRef {
    const start = this.#position;
    const type = this.#until(":");
    const id = this.#id("#[");
    if (!this.#take("#")) return atColumn(start, () => subject(type, id));
    const relation = this.#before("[");
    if (relation === "") throw this.#refuse("`#` is followed by no relation");
    return atColumn(start, () => this.#userset(type, id, relation));
  }

  /** `[name]` or `[name:{…}]` */
  condition(): TupleCondition | undefined {
    if (this.#text[this.#position] !== "[" || this.#atExpiration()) return undefined;
    this.#skip("[");
    const start = this.#position;
    const name = this.#before(":]");
    atColumn(start, () => checkType(name));
    let context = emptyContext;
    if (this.#take(":")) {
      const end = endOfJson(this.#text, this.#position);
      context = parseContext(this.#text, this.#position, end);
      this.#position = end;
    }
    this.#skip("]");
    return { name, context };
  }

  /** `[expiration:…]` */
  expiration(): Instant | undefined {
    if (!this.#atExpiration()) return undefined;
    this.#position += expirationMark.length;
    const start = this.#position;
    const time = this.#until("]");
    try {
      return Timestamp.parse(time).ms;
    } catch (error) {
      if (!(error instanceof CelValueError)) throw error;
      this.#position = start;
      throw this.#refuse(`expiration ${quote(time)} is ${error.message}`);
    }
  }

  end(): void {
    if (this.#position < this.#text.length) throw this.#refuse(`${quote(this.#text.slice(this.#position))} is too much`);
  }

  #userset(type: string, id: string, relation: string): SubjectRef {
    try {
      return subject(type, id, relation === "..." ? "" : relation);
    } catch (error) {
      if (error instanceof UsherError && error.code === "invalid_request") throw new UsherError("invalid_tuple", error.message);
      throw error;
    }
  }

  /** A condition may be named `expiration` too; its context begins with a brace. */
  #atExpiration(): boolean {
    return this.#text.startsWith(expirationMark, this.#position) && this.#text[this.#position + expirationMark.length] !== "{";
  }

  #id(ends: string): string {
    if (this.#text[this.#position] !== '"') return this.#before(ends);
    const start = this.#position;
    const end = endOfString(this.#text, start);
    this.#position = end;
    try {
      return JSON.parse(this.#text.slice(start, end)) as string;
    } catch {
      this.#position = start;
      throw this.#refuse("the id begins with `\"` but is no JSON string");
    }
  }

  /** Up to one of the characters or the end. */
  #before(characters: string): string {
    const start = this.#position;
    while (this.#position < this.#text.length && !characters.includes(this.#text.charAt(this.#position))) this.#position++;
    return this.#text.slice(start, this.#position);
  }

  /** Up to the character, which is skipped. */
  #until(character: string): string {
    const before = this.#before(character);
    this.#skip(character);
    return before;
  }

  #take(character: string): boolean {
    const found = this.#text[this.#position] === character;
    if (found) this.#position++;
    return found;
  }

  #skip(character: string): void {
    if (!this.#take(character)) throw this.#refuse(`\`${character}\` is missing`);
  }

  #refuse(why: string): UsherError {
    const column = String(this.#position + 1);
    return new UsherError("invalid_tuple", `${quote(this.#text)}: ${why} at column ${column}: expected ${this.#form}`, { details: { column } });
  }
}

const expirationMark = "[expiration:";

function parseContext(text: string, start: number, end: number): Context {
  return atColumn(start, () => {
    const json = text.slice(start, end);
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch (error) {
      throw new UsherError("invalid_context", `the context ${quote(json)} is not JSON: ${asError(error).message}`, { cause: error });
    }
    return checkContext(value, `the context ${quote(json)}`);
  });
}

/** Where the JSON string that begins at `start` ends, behind its quote; the end of the text where it does not. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

/** Where the JSON object that begins at `start` ends; brackets in its strings do not count. */
function endOfJson(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '"') i = endOfString(text, i) - 1;
    else if (character === "{") depth++;
    else if (character === "}" && --depth <= 0) return i + 1;
  }
  return text.length;
}

function atColumn<T>(position: number, make: () => T): T {
  return withDetails({ column: String(position + 1) }, make);
}

function withDetails<T>(details: Readonly<Record<string, string>>, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof UsherError)) throw error;
    throw new UsherError(error.code, error.message, { details: { ...error.details, ...details }, cause: error.cause });
  }
}
