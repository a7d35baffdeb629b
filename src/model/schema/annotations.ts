import { quote } from "../object.js";
import type { Diagnostics } from "./diagnostics.js";
import { append } from "./multimap.js";
import type { Names, ResolvedDefinition } from "./resolve.js";
import { forEachLeaf } from "./syntax.js";
import type { Name, PermissionSyntax, RelationSyntax } from "./syntax.js";

/** Stands for the types of what could not be read or found: nothing that reaches it is judged. */
const unknown = "?";

/**
 * `permission view: user | team = …` under `use typechecking`: the types named must be exactly those of
 * the objects that can be in the permission's userset. As in SpiceDB, each part of the expression counts,
 * also what is subtracted: `a - b` has the types of both.
 */
export function checkAnnotations(names: Names, diagnostics: Diagnostics): void {
  if (!names.flags.has("typechecking")) return;
  const annotated = [...names.definitions].flatMap(([type, definition]) =>
    [...definition.byName.values()].flatMap((member) =>
      member.kind === "permission" && member.annotation !== undefined ? [{ key: `${type}#${member.name.text}`, name: member.name, annotation: member.annotation }] : [],
    ),
  );
  if (annotated.length === 0) return;
  const types = new SubjectTypes(names);
  for (const { key, name, annotation } of annotated) check(name, annotation, types.of(key), diagnostics);
}

function check(permission: Name, annotation: readonly Name[], computed: ReadonlySet<string>, diagnostics: Diagnostics): void {
  const said = new Set<string>();
  for (const type of annotation) {
    if (said.has(type.text)) diagnostics.error(type, `type ${quote(type.text)} is named twice`);
    said.add(type.text);
  }
  if (computed.has(unknown)) return;
  const missing = [...computed].filter((type) => !said.has(type)).sort();
  if (missing.length > 0) {
    diagnostics.error(permission, `permission ${quote(permission.text)} also has subjects of type ${missing.map(quote).join(", ")}: name every type it can have`);
  }
  for (const type of annotation) {
    if (!computed.has(type.text)) diagnostics.error(type, `permission ${quote(permission.text)} never has subjects of type ${quote(type.text)}`);
  }
}

/**
 * The types of the objects that relations and permissions can have, for all of them at once: from where
 * a type is allowed directly, backwards to all that use it.
 */
class SubjectTypes {
  readonly #types = new Map<string, Set<string>>();
  readonly #usedBy = new Map<string, string[]>();
  /** By type: the relations and permissions that have it directly. */
  readonly #direct = new Map<string, string[]>();

  constructor(names: Names) {
    for (const [type, definition] of names.definitions) {
      for (const member of definition.byName.values()) {
        const key = `${type}#${member.name.text}`;
        if (member.kind === "broken") append(this.#direct, unknown, key);
        if (member.kind === "relation") this.#relation(key, member, names);
        if (member.kind === "permission") this.#permission(key, type, definition, member, names);
      }
    }
    for (const [type, keys] of this.#direct) this.#spread(type, keys);
  }

  of(key: string): ReadonlySet<string> {
    return this.#types.get(key) ?? new Set();
  }

  #relation(key: string, relation: RelationSyntax, names: Names): void {
    for (const subject of relation.subjects) {
      if (subject.relation === undefined) append(this.#direct, subject.type.text, key);
      else this.#uses(key, subject.type.text, names.definitions.get(subject.type.text), subject.relation.text);
    }
  }

  #permission(key: string, type: string, definition: ResolvedDefinition, permission: PermissionSyntax, names: Names): void {
    forEachLeaf(permission.expression, (leaf) => {
      if (leaf.kind === "self") append(this.#direct, type, key);
      if (leaf.kind === "name") this.#uses(key, type, definition, leaf.text);
      if (leaf.kind !== "arrow") return;
      const tupleset = definition.byName.get(leaf.tupleset.text);
      if (tupleset?.kind !== "relation") return append(this.#direct, unknown, key);
      for (const target of new Set(tupleset.subjects.map((subject) => subject.type.text))) {
        const targetDefinition = names.definitions.get(target);
        const lacksIt = targetDefinition?.complete === true && !targetDefinition.byName.has(leaf.permission.text);
        // A type without the permission adds nobody to an arrow.
        if (!lacksIt) this.#uses(key, target, targetDefinition, leaf.permission.text);
      }
    });
  }

  #uses(key: string, type: string, definition: ResolvedDefinition | undefined, member: string): void {
    if (definition?.byName.has(member) === true) append(this.#usedBy, `${type}#${member}`, key);
    else append(this.#direct, unknown, key);
  }

  #spread(type: string, keys: readonly string[]): void {
    const waiting = [...keys];
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      const types = this.#types.get(key) ?? new Set();
      if (types.has(type)) continue;
      this.#types.set(key, types.add(type));
      waiting.push(...(this.#usedBy.get(key) ?? []));
    }
  }
}
