/** What stands for a placeholder; none: it is not there. */
export type Values = (name: string) => readonly string[];

type Part = { readonly literal: string } | { readonly name: string };

/**
 * A text with placeholders, which an operator writes to say where an id comes from: `{resource.id}`, `spiffe-{header.x-tenant}`. A placeholder that has
 * several values makes several texts, and one that has none makes none: half a text would name something else.
 */
export class Template {
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  /** @param known whether there is such a placeholder @returns what is wrong with it, in words, where something is */
  static parse(text: string, known: (name: string) => boolean): Template | string {
    const parts: Part[] = [];
    for (const [, literal, name] of text.matchAll(/([^{}]+)|\{([^{}]*)\}|[{}]/g)) {
      if (literal !== undefined) parts.push({ literal });
      else if (name === undefined) return "has a brace without the other one: write `{name}`";
      else if (!known(name)) return `has the placeholder \`{${name}}\`, which there is not`;
      else parts.push({ name });
    }
    return parts.length === 0 ? "is empty" : new Template(parts);
  }

  /** Of its placeholders. */
  get names(): readonly string[] {
    return this.#parts.flatMap((part) => ("name" in part ? [part.name] : []));
  }

  /** All texts that the values make. */
  fill(values: Values): readonly string[] {
    let texts: readonly string[] = [""];
    for (const part of this.#parts) {
      const each = "literal" in part ? [part.literal] : values(part.name);
      texts = texts.flatMap((text) => each.map((value) => text + value));
    }
    return texts;
  }

  /** The only text; undefined where there is none, or more than one. */
  fillOne(values: Values): string | undefined {
    const [text, ...others] = this.fill(values);
    return others.length === 0 ? text : undefined;
  }
}
