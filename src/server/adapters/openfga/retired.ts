import { formatAllowedSubject } from "../../../model/schema/alternative.js";
import { compileSchema } from "../../../model/schema/compile.js";
import type { Relation, Schema } from "../../../model/schema/schema.js";

/** Whether tuples stand in a relation. */
export type Holds = (type: string, relation: string) => Promise<boolean>;

/**
 * The native schema of a new model, and beside it what the tuples of older ones still need. OpenFGA keeps tuples that its newest model does not allow, and
 * does not look at them: their relations stay, no permission names them, and they go with their last tuple.
 */
export async function withRetired(native: string, before: Schema, holds: Holds): Promise<string> {
  const now = compileSchema(native);
  const needed = new Needed(now);
  for (const [type, definition] of before.definitions) {
    for (const member of definition.members.values()) {
      if (member.kind !== "relation" || now.definitions.get(type)?.members.get(member.name)?.kind === "relation") continue;
      if (await holds(type, member.name)) needed.relation(type, member);
    }
  }
  return needed.apply(native, before);
}

class Needed {
  readonly #now: Schema;
  /** By type, the lines that its definition needs beside its own. */
  readonly #lines = new Map<string, Set<string>>();
  readonly #conditions = new Set<string>();

  constructor(now: Schema) {
    this.#now = now;
  }

  relation(type: string, { name, subjects }: Relation): void {
    this.#type(type).add(`  relation ${name}: ${subjects.map(formatAllowedSubject).join(" | ")}`);
    for (const { type: subjectType, relation, condition } of subjects) {
      const lines = this.#type(subjectType);
      if (relation !== "" && this.#now.definitions.get(subjectType)?.members.has(relation) !== true) lines.add(`  permission ${relation} = nil`);
      if (condition !== undefined && !this.#now.conditions.has(condition)) this.#conditions.add(condition);
    }
  }

  apply(native: string, before: Schema): string {
    let text = native;
    for (const [type, lines] of this.#lines) {
      const body = [...lines].join("\n");
      const opening = `definition ${type} {`;
      if (!this.#now.definitions.has(type)) text += `\n${opening}${body === "" ? "" : `\n${body}\n`}}\n`;
      else if (body !== "") text = text.replace(new RegExp(`^${opening}(\\}?)`, "m"), (_, close: string) => `${opening}\n${body}\n${close === "" ? "" : "}"}`);
    }
    for (const name of this.#conditions) text += `\n${caveatOf(before.text, name)}`;
    return text;
  }

  #type(type: string): Set<string> {
    const lines = this.#lines.get(type) ?? new Set<string>();
    this.#lines.set(type, lines);
    return lines;
  }
}

/** As the conversion wrote it: it ends with the first line that is a brace alone. */
function caveatOf(text: string, name: string): string {
  const start = text.indexOf(`\ncaveat ${name}(`) + 1;
  return text.slice(start, text.indexOf("\n}\n", start) + 3);
}
