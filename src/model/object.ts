import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";

/** An object, `type:id`. Made by `object()`; compared by its text. */
export interface ObjectRef {
  readonly type: string;
  readonly id: string;
}

/**
 * A name of a type, relation, permission, condition or parameter. Types may have slash prefixes
 * (`acme/document`). ASCII alone, so that a name reads the same in every editor.
 */
const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
const typePattern = /^([A-Za-z_][A-Za-z0-9_]*\/)*[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What an id must not hold: controls, white space (Unicode's), zero-width and bidirectional marks,
 * lone surrogates, and `#`, which ends an id in text. An id that looks like another must not pass for it.
 */
// eslint-disable-next-line no-control-regex
const idForbidden = /[\u0000-\u0020\u007f-\u00a0\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u206f\u3000\ufeff#]/;

/** @throws `invalid_id`, `invalid_name` */
export function object(type: string, id: string): ObjectRef {
  return { type: checkType(type), id: checkId(id) };
}

export function isName(text: string): boolean {
  return text.length <= limits.nameBytesMax && namePattern.test(text);
}

export function isTypeName(text: string): boolean {
  return text.length <= limits.nameBytesMax && typePattern.test(text);
}

/** @throws `invalid_name` */
export function checkName(name: string, what: string): string {
  if (typeof name === "string" && isName(name)) return name;
  throw new UsherError(
    "invalid_name",
    `${what} ${quote(name)} is not a name: letters, digits and \`_\`, not starting with a digit, at most ${limits.nameBytesMax} bytes`,
  );
}

/** @throws `invalid_name` */
export function checkType(type: string): string {
  if (typeof type === "string" && isTypeName(type)) return type;
  throw new UsherError(
    "invalid_name",
    `type ${quote(type)} is not a name: letters, digits and \`_\`, with \`/\` between prefixes, at most ${limits.nameBytesMax} bytes`,
  );
}

/** Ids are 1 to 1,024 bytes of well-formed UTF-8, compared by bytes, never normalised. @throws `invalid_id` */
export function checkId(id: string): string {
  const wrong = whatIsWrongWithId(id);
  if (wrong === undefined) return id;
  throw new UsherError("invalid_id", `id ${quote(id)} ${wrong}`);
}

function whatIsWrongWithId(id: unknown): string | undefined {
  if (typeof id !== "string") return "is not a string";
  if (id === "") return "is empty";
  if (id === "*") return "is a wildcard, which is not an object";
  if (idForbidden.test(id)) return "has a control, white-space or invisible character, or `#`";
  if (!id.isWellFormed()) return "is not well-formed Unicode (it has a lone surrogate)";
  if (id.length > limits.idBytesMax || Buffer.byteLength(id) > limits.idBytesMax) return `is longer than ${limits.idBytesMax} bytes`;
  return undefined;
}

/** The input in backticks for a message, cut to a length that a log line bears. */
export function quote(input: unknown): string {
  const text = typeof input === "string" ? input : String(input);
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text).slice(1, -1);
  return `\`${shown}\``;
}

/** `type:id`, the id in quotes where plain text would be read otherwise. */
export function formatObject(object: ObjectRef): string {
  return `${object.type}:${formatId(object.id)}`;
}

/**
 * In text an id that holds `[` (which begins a condition) or starts with `"` is written as a JSON
 * string, so that what is printed can always be read again: `user:"a[b]"`.
 */
export function formatId(id: string): string {
  return id.includes("[") || id.startsWith('"') ? JSON.stringify(id) : id;
}
