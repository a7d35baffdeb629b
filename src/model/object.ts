import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";

/** An object, `type:id`. Made by `object()`; compared by its text. The type is known to the compiler where it is written as a literal. */
export interface ObjectRef<Type extends string = string> {
  readonly type: Type;
  readonly id: string;
}

/**
 * A name of a type, relation, permission, condition or parameter. Types may have slash prefixes
 * (`acme/document`). ASCII alone, so that a name reads the same in every editor.
 */
const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
const typePattern = /^([A-Za-z_][A-Za-z0-9_]*\/)*[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What an id must not hold: controls, white space, what Unicode says is not shown (zero-width and bidirectional marks, fillers,
 * variation selectors, tags), the blank of Braille, and `#`, which ends an id in text. An id that differs from another by what
 * nobody sees must not pass for it.
 */
const idForbidden = /[\p{Cc}\p{Cf}\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800#]/u;

/** The ids that most programs have, which are told without Unicode's tables. */
const idPlain = /^[!"$-~]+$/;

/** @throws `invalid_id`, `invalid_name` */
export function object<Type extends string>(type: Type, id: string): ObjectRef<Type> {
  checkType(type);
  return { type, id: checkId(id) };
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

/** Of a type or a condition, which may have slash prefixes. @throws `invalid_name` */
export function checkType(type: string, what = "type"): string {
  if (typeof type === "string" && isTypeName(type)) return type;
  throw new UsherError(
    "invalid_name",
    `${what} ${quote(type)} is not a name: letters, digits and \`_\`, with \`/\` between prefixes, at most ${limits.nameBytesMax} bytes`,
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
  if (!idPlain.test(id) && idForbidden.test(id)) return "has a control, white-space or invisible character, or `#`";
  if (!id.isWellFormed()) return "is not well-formed Unicode (it has a lone surrogate)";
  if (id.length > limits.idBytesMax || Buffer.byteLength(id) > limits.idBytesMax) return `is longer than ${limits.idBytesMax} bytes`;
  return undefined;
}

/** The input in backticks for a message, cut to a length that a log line bears. */
export function quote(input: unknown): string {
  // An object may have no way, or a hostile one, of becoming text.
  const text = typeof input === "string" ? input : typeof input === "object" && input !== null ? (Array.isArray(input) ? "a list" : "an object") : String(input);
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
