import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";

/** A stretch of a text, as UTF-16 offsets: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where something stands, counted from 1 as editors do; columns are UTF-16 units. */
interface Position {
  readonly line: number;
  readonly column: number;
}

/** How much of a long line an excerpt shows, in UTF-16 units. */
const excerptWidth = 120;

/** What an excerpt must not print: controls (but the tab), bidirectional and zero-width marks. */
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A text with its lines, to turn offsets into what people read. */
export class SourceText {
  readonly text: string;
  /** The offset at which each line starts; the first is 0. */
  readonly #lines: number[] = [0];

  constructor(text: string) {
    this.text = text;
    for (const end of text.matchAll(/\r\n|\r|\n/g)) this.#lines.push(end.index + end[0].length);
  }

  locate(offset: number): Position {
    const line = this.#lineOf(offset);
    return { line, column: offset - this.#lineStart(line) + 1 };
  }

  /**
   * The line of the span's start with carets under the span:
   *
   *     3 |   relation viewer: usr
   *       |                    ^^^
   */
  excerpt(span: Span): string {
    const { line, column } = this.locate(span.start);
    const whole = this.#lineText(line);
    const from = Math.max(0, Math.min(column - 1 - excerptWidth / 2, whole.length - excerptWidth));
    const shown = whole.slice(from, from + excerptWidth);
    const before = shown.slice(0, column - 1 - from);
    const carets = Math.max(1, Math.min(span.end - span.start, shown.length - before.length));
    const gutter = `${line} | `;
    // Tabs are repeated under themselves, so that the carets line up at any tab width.
    const indent = before.replace(/[^\t]/g, " ");
    return `${gutter}${shown.replace(unprintable, "\ufffd")}\n${" ".repeat(gutter.length - 2)}| ${indent}${"^".repeat(carets)}`;
  }

  #lineStart(line: number): number {
    return this.#lines[line - 1] ?? this.text.length;
  }

  #lineText(line: number): string {
    return this.text.slice(this.#lineStart(line), this.#lineStart(line + 1)).replace(/[\r\n]+$/, "");
  }

  /** The line of an offset, by bisection. */
  #lineOf(offset: number): number {
    let low = 1;
    let high = this.#lines.length;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#lineStart(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** A text that is sound enough to be read at all. @throws `invalid_schema` */
export function readSource(text: string): SourceText {
  if (text.length > limits.schemaBytesMax || Buffer.byteLength(text) > limits.schemaBytesMax) {
    throw new UsherError("invalid_schema", `schema is longer than ${limits.schemaBytesMax} bytes`);
  }
  if (!text.isWellFormed()) throw new UsherError("invalid_schema", "schema is not well-formed Unicode (it has a lone surrogate)");
  return new SourceText(text);
}
