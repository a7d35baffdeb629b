import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import { quote } from "./object.js";

/** A value of a condition's context: JSON, as `google.protobuf.Struct` carries it. */
export type ContextValue = null | boolean | number | string | readonly ContextValue[] | { readonly [key: string]: ContextValue };

/** Named values that a condition reads: stored with a tuple, or brought by a request. */
export type Context = Readonly<Record<string, ContextValue>>;

export const emptyContext: Context = Object.freeze({});

/**
 * A copy of a context from outside, which its giver can no longer change. It must be JSON: plain objects,
 * lists, well-formed strings and finite numbers, within `limits.contextDepthMax` and `contextBytesMax`.
 *
 * @param what names it in messages: `the request's context`
 * @throws `invalid_context`
 */
export function checkContext(context: unknown, what: string): Context {
  if (!isPlainObject(context)) throw new UsherError("invalid_context", `${what} is not an object of named values`);
  if (Object.keys(context).length === 0) return emptyContext;
  const copied = new Copier(what).object(context, "", 1);
  const bytes = Buffer.byteLength(JSON.stringify(copied));
  if (bytes > limits.contextBytesMax) throw tooLarge(what);
  return copied;
}

/** Copies while counting, so that a value that holds itself, or shares its parts, ends it early. */
class Copier {
  readonly #what: string;
  #bytesAtLeast = 0;

  constructor(what: string) {
    this.#what = what;
  }

  object(from: Readonly<Record<string, unknown>>, path: string, depth: number): Context {
    const copy: Record<string, ContextValue> = {};
    for (const [key, value] of Object.entries(from)) {
      const field = path === "" ? key : `${path}.${key}`;
      // As a name it is harmless here, but a program that copies objects by assignment would lose it.
      if (key === "__proto__") throw this.#refuse(field, "has a name that is not allowed");
      this.#count(key.length + 3);
      copy[this.#text(key, field)] = this.#value(value, field, depth);
    }
    return copy;
  }

  #value(value: unknown, field: string, depth: number): ContextValue {
    this.#count(1);
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "string") return this.#text(value, field);
    if (typeof value === "number") {
      if (!Number.isFinite(value)) throw this.#refuse(field, "is a number that is not finite");
      return value;
    }
    if (!Array.isArray(value) && !isPlainObject(value)) throw this.#refuse(field, `is no JSON value (${typeof value}): leave it out or convert it`);
    if (depth >= limits.contextDepthMax) throw this.#refuse(field, `nests more than ${limits.contextDepthMax} deep`);
    if (!Array.isArray(value)) return this.object(value, field, depth + 1);
    return Array.from(value as unknown[], (item, i) => this.#value(item, `${field}[${i}]`, depth + 1));
  }

  #text(text: string, field: string): string {
    this.#count(text.length);
    if (!text.isWellFormed()) throw this.#refuse(field, "is not well-formed Unicode (it has a lone surrogate)");
    return text;
  }

  #count(bytes: number): void {
    this.#bytesAtLeast += bytes;
    // A key is counted twice at most, hence the factor; the exact size is taken once the copy is made.
    if (this.#bytesAtLeast > 2 * limits.contextBytesMax) throw tooLarge(this.#what);
  }

  #refuse(field: string, why: string): UsherError {
    return new UsherError("invalid_context", `${this.#what}: field ${quote(field)} ${why}`, { details: { field } });
  }
}

function tooLarge(what: string): UsherError {
  return new UsherError("invalid_context", `${what} is larger than ${limits.contextBytesMax} bytes`);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
