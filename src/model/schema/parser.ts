import { limits } from "../../base/limits.js";
import { quote } from "../object.js";
import { parseCaveat } from "./caveatparser.js";
import { Cursor, SyntaxFailure } from "./cursor.js";
import type { Diagnostics } from "./diagnostics.js";
import { parseExpression } from "./expression.js";
import type { Token } from "./lexer.js";
import type { SourceText, Span } from "./source.js";
import { useFlags } from "./syntax.js";
import type { DeclarationSyntax, DefinitionSyntax, MemberSyntax, Name, SchemaSyntax, SubjectSyntax, UseFlag, UseSyntax } from "./syntax.js";

/**
 * Parses a schema text. A statement that cannot be read is reported once, and reading goes on with the
 * next one; what could be read is in the tree. Never throws for bad text.
 */
export function parseSchema(source: SourceText, diagnostics: Diagnostics): SchemaSyntax {
  return new Parser(source.text, diagnostics).parse();
}

class Parser {
  readonly #cursor: Cursor;
  readonly #diagnostics: Diagnostics;
  readonly #uses: UseSyntax[] = [];
  readonly #declarations: DeclarationSyntax[] = [];

  constructor(text: string, diagnostics: Diagnostics) {
    this.#cursor = new Cursor(text, diagnostics);
    this.#diagnostics = diagnostics;
  }

  parse(): SchemaSyntax {
    const cursor = this.#cursor;
    while (!cursor.atEnd && !this.#diagnostics.full) {
      if (cursor.take(";") !== undefined) continue;
      if (this.#declarations.length >= limits.schemaDefinitionsMax) {
        this.#diagnostics.error(cursor.token, `schema has more than ${limits.schemaDefinitionsMax} definitions, caveats and partials`);
        break;
      }
      const start = cursor.token;
      this.#recovering(() => this.#declaration(), () => this.#skipTo(start, beginsDeclaration));
    }
    return { uses: this.#uses, declarations: this.#declarations, comments: cursor.comments };
  }

  #declaration(): void {
    const { text, start, doc } = this.#cursor.token;
    switch (text) {
      case "use":
        return this.#use();
      case "definition":
      case "partial":
        this.#declarations.push(this.#definition(text));
        return;
      case "caveat":
        this.#cursor.advance();
        this.#declarations.push(parseCaveat(this.#cursor, this.#diagnostics, start, doc));
        return;
      case "import":
        return this.#cursor.fail("schema cannot import: it is one text");
      default:
        return this.#cursor.fail(`expected \`definition\`, \`caveat\`, \`partial\` or \`use\`, found ${quote(text)}`);
    }
  }

  #use(): void {
    const cursor = this.#cursor;
    const { start } = cursor.advance();
    const { text } = cursor.token;
    const flag = useFlags.find((known) => known === text);
    if (flag === undefined) return cursor.fail(`no feature ${quote(text)} to use: the features are ${useFlags.map((known) => quote(known)).join(", ")}`);
    cursor.advance();
    const span = cursor.spanFrom(start);
    if (cursor.flags.has(flag)) cursor.fail(`${quote(flag)} is in use already`, span);
    if (this.#declarations.length > 0) cursor.fail("`use` must come before the first definition", span);
    cursor.flags.add(flag);
    this.#uses.push({ kind: "use", flag, ...span });
    cursor.endStatement();
  }

  #definition(kind: DefinitionSyntax["kind"]): DefinitionSyntax {
    const cursor = this.#cursor;
    const keyword = cursor.advance();
    if (kind === "partial") this.#needs("partial", keyword, "a partial");
    const name = cursor.typeName(`a ${kind}`);
    const members: MemberSyntax[] = [];
    const readable = this.#recovering(() => void cursor.expect("{", `after \`${kind} ${name.text}\``), () => this.#skipTo(keyword, beginsDeclaration));
    const bodyStart = cursor.spanFrom(keyword.start).end;
    const complete = readable && this.#members(keyword, name, members);
    return { kind, name, doc: keyword.doc, members, bodyStart, complete, ...cursor.spanFrom(keyword.start) };
  }

  /** Reads members up to and including `}`. False when one, or the `}`, could not be found. */
  #members(keyword: Token, owner: Name, members: MemberSyntax[]): boolean {
    const cursor = this.#cursor;
    let complete = true;
    while (cursor.take("}") === undefined) {
      if (cursor.take(";") !== undefined) continue;
      if (cursor.atEnd || this.#diagnostics.full || beginsBlock(cursor.token)) {
        this.#diagnostics.error(owner, `${keyword.text} ${quote(owner.text)} is never closed: end it with \`}\``);
        return false;
      }
      const start = cursor.token;
      const count = members.length;
      if (this.#recovering(() => this.#member(members), () => this.#skipTo(start, beginsMember))) continue;
      complete &&= members.length > count;
    }
    return complete;
  }

  /** Adds a member. Where only its name can be read, a broken one is added before the failure. */
  #member(members: MemberSyntax[]): void {
    const cursor = this.#cursor;
    const { text, start, doc } = cursor.token;
    if (text === "...") return void members.push(this.#include());
    if (text !== "relation" && text !== "permission") cursor.fail(`expected \`relation\`, \`permission\` or \`}\`, found ${quote(text)}`);
    cursor.advance();
    const name = cursor.name(`a ${text}`);
    const at = members.push({ kind: "broken", name, ...cursor.spanFrom(start) }) - 1;
    if (text === "relation") {
      cursor.expect(":", `after \`relation ${name.text}\``);
      const subjects = this.#list(() => this.#subject());
      members[at] = { kind: "relation", name, doc, subjects, ...cursor.spanFrom(start) };
    } else {
      const annotation = cursor.take(":") === undefined ? undefined : this.#list(() => cursor.typeName("a type"));
      cursor.expect("=", `after \`permission ${name.text}\``);
      members[at] = { kind: "permission", name, doc, annotation, expression: parseExpression(cursor), ...cursor.spanFrom(start) };
    }
    cursor.endStatement();
  }

  #include(): MemberSyntax {
    const dots = this.#cursor.advance();
    const name = this.#cursor.typeName("a partial");
    const span = this.#cursor.spanFrom(dots.start);
    this.#needs("partial", span, "including a partial");
    this.#cursor.endStatement();
    return { kind: "include", name, ...span };
  }

  #list<Item>(item: () => Item): Item[] {
    const items = [item()];
    while (this.#cursor.take("|") !== undefined) items.push(item());
    return items;
  }

  #subject(): SubjectSyntax {
    const cursor = this.#cursor;
    const type = cursor.typeName("a type");
    let relation: Name | undefined;
    let wildcard = false;
    if (cursor.take(":") !== undefined) {
      cursor.expect("*", `after \`${type.text}:\``);
      wildcard = true;
    } else if (cursor.take("#") !== undefined && cursor.take("...") === undefined) {
      relation = cursor.name("a relation or permission");
    }
    return { type, relation, wildcard, ...this.#requirements(), ...cursor.spanFrom(type.start) };
  }

  /** `with caveat`, `with expiration`, `with caveat and expiration`: in this order alone. */
  #requirements(): Pick<SubjectSyntax, "condition" | "expiration"> {
    const cursor = this.#cursor;
    if (cursor.take("with") === undefined) return { condition: undefined, expiration: false };
    if (this.#takeExpiration()) {
      if (cursor.at("and")) cursor.fail("`expiration` comes last: write `with caveat and expiration`");
      return { condition: undefined, expiration: true };
    }
    const condition = cursor.typeName("a caveat");
    if (cursor.take("and") === undefined) return { condition, expiration: false };
    if (!this.#takeExpiration()) cursor.unexpected("`expiration` after `and`");
    return { condition, expiration: true };
  }

  #takeExpiration(): boolean {
    const word = this.#cursor.take("expiration");
    if (word !== undefined) this.#needs("expiration", word, "`with expiration`");
    return word !== undefined;
  }

  #needs(flag: UseFlag, span: Span, what: string): void {
    if (!this.#cursor.flags.has(flag)) this.#diagnostics.error(span, `${what} needs \`use ${flag}\` at the top of the schema`);
  }

  /** Runs a step; a syntax failure in it is reported, and `resume` moves behind it. True when all went well. */
  #recovering(step: () => void, resume: () => void): boolean {
    try {
      step();
      return true;
    } catch (failure) {
      if (!(failure instanceof SyntaxFailure)) throw failure;
      this.#diagnostics.error(failure.span, failure.message);
      resume();
      return false;
    }
  }

  /** Skips to a token that begins something, past the token `from`, so that there is always progress. */
  #skipTo(from: Token, begins: (token: Token) => boolean): void {
    const cursor = this.#cursor;
    while (!cursor.atEnd && (cursor.token.start === from.start || !begins(cursor.token))) cursor.advance();
  }
}

/** A block begun on a new line within a body tells that the body lacks its `}`. */
function beginsBlock(token: Token): boolean {
  return token.startsLine && ["definition", "caveat", "partial"].includes(token.text);
}

function beginsDeclaration(token: Token): boolean {
  return beginsBlock(token) || (token.startsLine && token.text === "use");
}

function beginsMember(token: Token): boolean {
  if (token.text === ";" || token.text === "}") return true;
  return beginsBlock(token) || (token.startsLine && ["relation", "permission", "..."].includes(token.text));
}
