import { quote } from "../object.js";
import { findClosingBrace } from "./celtext.js";
import type { Diagnostics } from "./diagnostics.js";
import type { Span } from "./source.js";

export interface Token extends Span {
  /** A word is a run of letters, digits and `_`: whether it is a name, or reserved, the parser decides. */
  readonly kind: "word" | "mark" | "end";
  /** Empty at the end of the text. */
  readonly text: string;
  /** Whether a line ends between the token before and this one. */
  readonly startsLine: boolean;
  /** The last doc comment between the token before and this one, cleaned; else empty. */
  readonly doc: string;
}

export interface Comment extends Span {
  /** `line` begins with two slashes, `block` with a slash and a star, `doc` with a slash and two stars: it documents what follows. */
  readonly kind: "line" | "block" | "doc";
  readonly text: string;
}

const space = /[ \t\f\v\u00a0\ufeff]+/y;
const lineEnd = /\r\n|\r|\n/y;
/** Letters of every script, so that `usér` is one word, and refused as a name. */
const word = /[\p{L}\p{M}\p{N}_]+/uy;
/** A string is a mark that no statement wants: better one error than one for each of its quotes. */
const mark = /->|\.\.\.|[{}()|+\-&/=:;#*.,<>]|"[^"\r\n]*"|'[^'\r\n]*'/y;
const lineComment = /\/\/[^\r\n]*/y;
const blockComment = /\/\*[^]*?\*\//y;
/** Up to where something known begins, so that a run of strangers is one error. */
const strangers = /[^\s\p{L}\p{M}\p{N}_{}()|+\-&/=:;#*.,<>]+|[^]/uy;

/** Reads the tokens of a schema one by one; comments are kept aside, in order. Never throws: what it cannot read is reported and skipped. */
export class Lexer {
  readonly comments: Comment[] = [];
  readonly #text: string;
  readonly #diagnostics: Diagnostics;
  #at = 0;

  constructor(text: string, diagnostics: Diagnostics) {
    this.#text = text;
    this.#diagnostics = diagnostics;
  }

  next(): Token {
    let startsLine = this.#at === 0 || "\r\n".includes(this.#text.charAt(this.#at - 1));
    let doc = "";
    while (this.#at < this.#text.length) {
      const start = this.#at;
      if (this.#match(space) !== undefined) continue;
      if (this.#match(lineEnd) !== undefined) {
        startsLine = true;
        continue;
      }
      const comment = this.#comment();
      if (comment !== undefined) {
        if (comment.kind === "doc") doc = cleanDoc(comment.text);
        if (comment.kind !== "line" && /[\r\n]/.test(comment.text)) startsLine = true;
        continue;
      }
      const text = this.#match(word);
      if (text !== undefined) return { kind: "word", text, start, end: this.#at, startsLine, doc };
      const symbol = this.#match(mark);
      if (symbol !== undefined) return { kind: "mark", text: symbol, start, end: this.#at, startsLine, doc };
      const strange = this.#match(strangers) ?? "";
      this.#diagnostics.error({ start, end: this.#at }, `${quote(strange)} has no meaning here`);
    }
    return { kind: "end", text: "", start: this.#at, end: this.#at, startsLine: true, doc };
  }

  /**
   * The CEL text from here to the brace that closes it, which is read too. Undefined when it is never
   * closed; then the lexer stands at the next line that begins a declaration, or at the end.
   */
  readExpression(): { readonly text: string; readonly closedAt: number; readonly start: number } | undefined {
    const start = this.#at;
    const end = findClosingBrace(this.#text, start);
    if (end !== undefined) {
      this.#at = end + 1;
      const text = this.#text.slice(start, end);
      return { text: text.trim(), closedAt: end, start: start + text.length - text.trimStart().length };
    }
    const declaration = /^[ \t]*(definition|caveat|partial)[ \t]+[A-Za-z_]/gm;
    declaration.lastIndex = start;
    this.#at = declaration.exec(this.#text)?.index ?? this.#text.length;
    return undefined;
  }

  #comment(): Comment | undefined {
    const start = this.#at;
    if (!this.#text.startsWith("/", start)) return undefined;
    const line = this.#match(lineComment);
    if (line !== undefined) return this.#keep("line", line, start);
    const block = this.#match(blockComment);
    if (block !== undefined) return this.#keep(/^\/\*\*[^/*]/.test(block) ? "doc" : "block", block, start);
    if (!this.#text.startsWith("/*", start)) return undefined;
    this.#at = this.#text.length;
    this.#diagnostics.error({ start, end: start + 2 }, "comment is never closed: end it with `*/`");
    return this.#keep("block", this.#text.slice(start), start);
  }

  #keep(kind: Comment["kind"], text: string, start: number): Comment {
    const comment: Comment = { kind, text, start, end: start + text.length };
    this.comments.push(comment);
    return comment;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return undefined;
    this.#at += found.length;
    return found;
  }
}

/** What a doc comment says: without its stars, the indentation, and blank lines at either end. */
function cleanDoc(comment: string): string {
  return comment
    .slice(3, -2)
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/^\s*\*? ?/, "").trimEnd())
    .join("\n")
    .trim();
}
