/**
 * Just enough of CEL's lexical grammar to find where an expression ends and which names it uses:
 * strings (plain, raw, bytes, triple-quoted) and comments may hold braces and words that mean nothing.
 */
const comment = /\/\/[^\r\n]*/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /[0-9][A-Za-z0-9_]*/y;
const quotes = /"""|'''|"|'/y;
const stringPrefix = /(?:[rR][bB]?|[bB][rR]?)(?=["'])/y;

/** No expression has two names in a row, so a line like this shows that the brace before it was never closed. */
const declaration = /[ \t]*(?:definition|caveat|partial)[ \t]+[A-Za-z_]/y;

/** The offset of the `}` that closes the expression starting at `from`; undefined when none does. */
export function findClosingBrace(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; at = skip(text, at)) {
    const character = text[at];
    if (character === "{") depth++;
    if (character === "}" && depth-- === 0) return at;
    if ((character === "\n" || character === "\r") && match(declaration, text, at + 1) !== "") return undefined;
  }
  return undefined;
}

/** The names that an expression reads; a name after a dot is a field, and none of them. */
export function namesIn(expression: string): Set<string> {
  const names = new Set<string>();
  let afterDot = false;
  for (let at = 0; at < expression.length; ) {
    const end = skip(expression, at);
    const element = expression.slice(at, end);
    if (/^[A-Za-z_]\w*$/.test(element) && !afterDot) names.add(element);
    if (!/^\s|^\/\//.test(element)) afterDot = element === ".";
    at = end;
  }
  return names;
}

/** The end of the lexical element at `at`: a comment, string, name, number, or one character. */
function skip(text: string, at: number): number {
  const prefix = match(stringPrefix, text, at);
  const open = match(quotes, text, at + prefix.length);
  if (open !== "") return endOfString(text, at + prefix.length + open.length, open, /r/i.test(prefix));
  const element = match(comment, text, at) || match(name, text, at) || match(number, text, at);
  return at + Math.max(1, element.length);
}

/** A string on one line that is not closed ends with its line: the CEL compiler reports it. */
function endOfString(text: string, from: number, close: string, raw: boolean): number {
  let at = from;
  while (at < text.length) {
    if (text.startsWith(close, at)) return at + close.length;
    if (close.length === 1 && (text[at] === "\n" || text[at] === "\r")) return at;
    at += !raw && text[at] === "\\" ? 2 : 1;
  }
  return text.length;
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
