import { limits } from "../../base/limits.js";
import { isName, isTypeName, quote } from "../object.js";
import type { Diagnostics } from "./diagnostics.js";
import { Lexer, type Comment, type Token } from "./lexer.js";
import type { Span } from "./source.js";
import type { Name, UseFlag } from "./syntax.js";

/** Words that are never names. */
const reserved: ReadonlySet<string> = new Set(["definition", "caveat", "relation", "permission", "nil", "with"]);

/** Words that are no names either once `use` has asked for their feature. */
const reservedByFlag: ReadonlyMap<string, UseFlag> = new Map<string, UseFlag>([
  ["expiration", "expiration"],
  ["and", "expiration"],
  ["partial", "partial"],
  ["self", "self"],
  ["typechecking", "typechecking"],
]);

/** Ends the statement being parsed; the statement's loop catches it, reports it and goes on behind it. */
export class SyntaxFailure extends Error {
  readonly span: Span;

  constructor(span: Span, message: string) {
    super(message);
    this.span = span;
  }
}

/** The parser's place in the tokens: one token of lookahead, and the words that recur. */
export class Cursor {
  readonly flags = new Set<UseFlag>();
  readonly #lexer: Lexer;
  #token: Token;
  /** Where the last token taken ends. */
  #lastEnd = 0;

  constructor(text: string, diagnostics: Diagnostics) {
    this.#lexer = new Lexer(text, diagnostics);
    this.#token = this.#lexer.next();
  }

  get token(): Token {
    return this.#token;
  }

  get comments(): readonly Comment[] {
    return this.#lexer.comments;
  }

  get atEnd(): boolean {
    return this.#token.kind === "end";
  }

  at(text: string): boolean {
    return this.#token.text === text && this.#token.kind !== "end";
  }

  advance(): Token {
    const token = this.#token;
    this.#lastEnd = token.end;
    const next = this.#lexer.next();
    // A `;` is no statement: what is documented before it is the statement behind it.
    this.#token = token.text === ";" && next.doc === "" ? { ...next, doc: token.doc } : next;
    return token;
  }

  take(text: string): Token | undefined {
    return this.at(text) ? this.advance() : undefined;
  }

  expect(text: string, where: string): Token {
    return this.take(text) ?? this.unexpected(`\`${text}\` ${where}`);
  }

  /** From a start to the end of what was taken last. */
  spanFrom(start: number): Span {
    return { start, end: Math.max(start, this.#lastEnd) };
  }

  /** A word that may name a relation, permission, parameter or partial. */
  name(what: string): Name {
    const { text, start, end } = this.#word(what);
    if (!isName(text)) this.#badName({ start, end }, what, text);
    return { text, start, end };
  }

  /** A name with optional slash prefixes. */
  typeName(what: string): Name {
    const first = this.#word(what);
    let text = first.text;
    while (this.take("/") !== undefined) text += `/${this.#word(what).text}`;
    const span = this.spanFrom(first.start);
    if (!isTypeName(text)) this.#badName(span, what, text);
    return { text, ...span };
  }

  /** A statement ends with its line, at `;` or before the `}` around it. */
  endStatement(): void {
    if (this.take(";") !== undefined || this.at("}") || this.atEnd || this.#token.startsLine) return;
    this.unexpected("a new line or `;`");
  }

  /** The CEL text after the `{` at the cursor, and the `}` behind it. */
  readExpression(): Name {
    const open = this.#token;
    const body = this.#lexer.readExpression();
    this.#lastEnd = body === undefined ? open.end : body.closedAt + 1;
    this.#token = this.#lexer.next();
    if (body === undefined) this.fail("condition is never closed: end it with `}`", open);
    return { text: body.text, start: body.start, end: body.start + body.text.length };
  }

  /** Fails since something else was to go on here; where the line ends instead, the place is its end. */
  unexpected(expected: string): never {
    const lineEnds = this.#token.startsLine && this.#lastEnd > 0;
    const found = this.atEnd ? "the end of the text" : lineEnds ? "the end of the line" : quote(this.#token.text);
    this.fail(`expected ${expected}, found ${found}`, lineEnds ? { start: this.#lastEnd, end: this.#lastEnd + 1 } : this.#token);
  }

  fail(message: string, span: Span = this.#token): never {
    throw new SyntaxFailure(span, message);
  }

  #word(what: string): Token {
    const token = this.#token;
    const flag = reservedByFlag.get(token.text);
    const isReserved = reserved.has(token.text) || (flag !== undefined && this.flags.has(flag));
    if (token.kind !== "word" || (isReserved && token.startsLine)) this.unexpected(`the name of ${what}`);
    if (isReserved) this.fail(`expected the name of ${what}, found the reserved word ${quote(token.text)}`);
    return this.advance();
  }

  #badName(span: Span, what: string, text: string): never {
    return this.fail(`${quote(text)} cannot name ${what}: use letters, digits and \`_\`, not starting with a digit, at most ${limits.nameBytesMax} bytes`, span);
  }
}
