import { Diagnostics, schemaError } from "./diagnostics.js";
import type { Comment } from "./lexer.js";
import { parseSchema } from "./parser.js";
import { printStatement } from "./print.js";
import { readSource, type SourceText } from "./source.js";
import type { CaveatSyntax, DefinitionSyntax, MemberSyntax, SchemaSyntax, UseSyntax } from "./syntax.js";

/**
 * The text in canonical form: one statement a line, indented by a tab; one blank line between definitions;
 * blank lines within them kept, at most one; every comment kept; parentheses only where they are needed;
 * `.any()` written as `->`. The text must be readable, but need not be sound: an unknown type is no matter
 * here. Formatting twice changes nothing more.
 * @throws `invalid_schema`
 */
export function formatSchema(text: string): string {
  const source = readSource(text);
  const diagnostics = new Diagnostics(source);
  const syntax = parseSchema(source, diagnostics);
  const error = schemaError(diagnostics.list());
  if (error !== undefined) throw error;
  return new Formatter(source, syntax).format();
}

type Statement = UseSyntax | DefinitionSyntax | CaveatSyntax | MemberSyntax;

/** Goes through statements and comments in the order of the text. */
class Formatter {
  readonly #source: SourceText;
  readonly #syntax: SchemaSyntax;
  readonly #lines: string[] = [];
  #nextComment = 0;
  /** Where in the text the last thing written ends. */
  #at = 0;
  /** Whether nothing stands yet in the block being written, so that no blank line may begin it. */
  #fresh = true;

  constructor(source: SourceText, syntax: SchemaSyntax) {
    this.#source = source;
    this.#syntax = syntax;
  }

  format(): string {
    for (const use of this.#syntax.uses) this.#statement(use, "", false);
    for (const declaration of this.#syntax.declarations) this.#statement(declaration, "", true);
    this.#commentsBefore(this.#source.text.length, "", false);
    return this.#lines.map((line) => `${line}\n`).join("");
  }

  #statement(statement: Statement, indent: string, apart: boolean): void {
    const asked = this.#commentsBefore(statement.start, indent, apart);
    this.#blankLine(statement.start, asked);
    this.#commentsWithin("bodyStart" in statement ? statement.bodyStart : statement.end, indent);
    if ("bodyStart" in statement) this.#definition(statement);
    else this.#lines.push(...printStatement(statement).map((line, at) => (at === 0 ? indent + line : line)));
    this.#at = statement.end;
    this.#fresh = false;
  }

  #definition(definition: DefinitionSyntax): void {
    const header = this.#lines.push(`${definition.kind} ${definition.name.text} {`) - 1;
    this.#at = definition.bodyStart;
    this.#fresh = true;
    const comments = this.#nextComment;
    for (const member of definition.members) this.#statement(member, "\t", false);
    this.#commentsBefore(definition.end, "\t", false);
    if (definition.members.length === 0 && this.#nextComment === comments) this.#lines[header] += "}";
    else this.#lines.push("}");
  }

  /**
   * Writes the comments up to an offset: those on the line of what was written last behind it, the others
   * on lines of their own. Returns whether a blank line, when one is asked for, is still to be written.
   */
  #commentsBefore(offset: number, indent: string, apart: boolean): boolean {
    let asked = apart;
    for (let comment = this.#comment(offset); comment !== undefined; comment = this.#comment(offset)) {
      const [first = "", ...rest] = commentLines(comment, indent);
      const last = this.#lines.length - 1;
      if (last >= 0 && this.#newLines(comment.start) === 0) {
        this.#lines[last] += ` ${first}`;
      } else {
        this.#blankLine(comment.start, asked);
        asked = false;
        this.#lines.push(indent + first);
      }
      this.#lines.push(...rest);
      this.#at = comment.end;
      this.#fresh &&= this.#lines.length === last + 1;
    }
    return asked;
  }

  /** Comments in the midst of a statement go before it. A doc comment there documents nothing, and must not begin to. */
  #commentsWithin(end: number, indent: string): void {
    for (let comment = this.#comment(end); comment !== undefined; comment = this.#comment(end)) {
      const plain = comment.kind === "doc" ? { ...comment, text: comment.text.replace(/^\/\*+/, "/*") } : comment;
      const [first = "", ...rest] = commentLines(plain, indent);
      this.#lines.push(indent + first, ...rest);
    }
  }

  #comment(before: number): Comment | undefined {
    const comment = this.#syntax.comments[this.#nextComment];
    if (comment === undefined || comment.start >= before) return undefined;
    this.#nextComment++;
    return comment;
  }

  /** A blank line where one is asked for, or where the text has one. */
  #blankLine(start: number, asked: boolean): void {
    if (!this.#fresh && (asked || this.#newLines(start) > 1)) this.#lines.push("");
  }

  #newLines(until: number): number {
    return this.#source.text.slice(this.#at, until).match(/\r\n|\r|\n/g)?.length ?? 0;
  }
}

/** The lines of a comment, indented but for the first; where each has its star they are lined up, else they stay as they are. */
function commentLines(comment: Comment, indent: string): string[] {
  const [first = "", ...rest] = comment.text.split(/\r\n|\r|\n/).map((line) => line.trimEnd());
  const starred = rest.every((line) => line.trimStart().startsWith("*"));
  return [first, ...(starred ? rest.map((line) => `${indent} ${line.trimStart()}`) : rest)];
}
