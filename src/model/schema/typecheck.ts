import { quote } from "../object.js";
import { allowedSubject, formatAllowedSubject } from "./alternative.js";
import { checkAnnotations } from "./annotations.js";
import { checkPermissionCycles } from "./cycles.js";
import type { Diagnostics } from "./diagnostics.js";
import type { Names, ResolvedDefinition } from "./resolve.js";
import { forEachLeaf } from "./syntax.js";
import type { ArrowSyntax, Name, PermissionSyntax, RelationSyntax, SubjectSyntax } from "./syntax.js";
import { findWildcards, type Wildcards } from "./wildcards.js";

/** Checks that every name means something where it stands, and that what is written can be evaluated. */
export function typecheck(names: Names, diagnostics: Diagnostics): void {
  const checker = new Checker(names, findWildcards(names), diagnostics);
  for (const definition of names.definitions.values()) checker.definition(definition);
  checkAnnotations(names, diagnostics);
}

class Checker {
  readonly #names: Names;
  readonly #wildcards: Wildcards;
  readonly #diagnostics: Diagnostics;

  constructor(names: Names, wildcards: Wildcards, diagnostics: Diagnostics) {
    this.#names = names;
    this.#wildcards = wildcards;
    this.#diagnostics = diagnostics;
  }

  definition(definition: ResolvedDefinition): void {
    for (const member of definition.byName.values()) {
      if (member.kind === "relation") this.#relation(definition, member);
      if (member.kind === "permission") this.#permission(definition, member);
    }
    checkPermissionCycles(definition, this.#diagnostics);
  }

  #relation(owner: ResolvedDefinition, relation: RelationSyntax): void {
    const seen = new Set<string>();
    for (const subject of relation.subjects) {
      const text = formatAllowedSubject(allowedSubject(subject));
      if (seen.has(text)) this.#diagnostics.error(subject, `relation ${quote(relation.name.text)} allows ${quote(text)} twice`);
      seen.add(text);
      this.#subject(owner, relation, subject);
    }
  }

  #subject(owner: ResolvedDefinition, relation: RelationSyntax, subject: SubjectSyntax): void {
    const { condition, type } = subject;
    if (condition !== undefined && !this.#names.caveats.has(condition.text)) {
      this.#diagnostics.error(condition, `unknown caveat ${quote(condition.text)}: define it with \`caveat ${condition.text}(…) { … }\``);
    }
    const definition = this.#type(type);
    if (definition === undefined || subject.relation === undefined) return;
    const name = subject.relation.text;
    if (!definition.byName.has(name)) {
      if (definition.complete) this.#diagnostics.error(subject.relation, `${quote(type.text)} has no relation or permission ${quote(name)}`);
      return;
    }
    const wildcard = this.#wildcards.of(type.text, name);
    // Within one definition SpiceDB lets it pass, and schemas in the field rely on that.
    if (wildcard !== undefined && definition !== owner) {
      this.#diagnostics.error(subject, `relation ${quote(relation.name.text)} cannot allow ${quote(`${type.text}#${name}`)}, which ${wildcard}: a wildcard may not be reached through another relation`);
    }
  }

  #type(type: Name): ResolvedDefinition | undefined {
    const definition = this.#names.definitions.get(type.text);
    if (definition === undefined) this.#diagnostics.error(type, `unknown type ${quote(type.text)}: define it with \`definition ${type.text} { … }\``);
    return definition;
  }

  #permission(owner: ResolvedDefinition, permission: PermissionSyntax): void {
    const { annotation } = permission;
    for (const type of annotation ?? []) this.#type(type);
    if (annotation?.[0] !== undefined && !this.#names.flags.has("typechecking")) {
      this.#diagnostics.warning(annotation[0], "types of a permission are not checked without `use typechecking`");
    }
    forEachLeaf(permission.expression, (leaf) => {
      if (leaf.kind === "arrow") this.#arrow(owner, leaf);
      if (leaf.kind === "name" && !owner.byName.has(leaf.text)) this.#unknownMember(owner, leaf);
    });
  }

  #unknownMember(owner: ResolvedDefinition, name: Name): void {
    if (!owner.complete) return;
    const hint = name.text === "self" ? "; for the object itself put `use self` at the top of the schema" : "";
    this.#diagnostics.error(name, `${quote(owner.syntax.name.text)} has no relation or permission ${quote(name.text)}${hint}`);
  }

  #arrow(owner: ResolvedDefinition, arrow: ArrowSyntax): void {
    const type = owner.syntax.name.text;
    const tupleset = owner.byName.get(arrow.tupleset.text);
    if (tupleset === undefined) return this.#unknownMember(owner, arrow.tupleset);
    if (tupleset.kind === "permission") {
      return this.#diagnostics.error(arrow.tupleset, `${quote(arrow.tupleset.text)} is a permission: the left of an arrow must be a relation`);
    }
    if (tupleset.kind !== "relation") return;
    const wildcard = this.#wildcards.of(type, arrow.tupleset.text);
    if (wildcard !== undefined) {
      return this.#diagnostics.error(arrow.tupleset, `arrow cannot follow ${quote(arrow.tupleset.text)}, which ${wildcard}: a wildcard leads to no object`);
    }
    const targets = tupleset.subjects.map((subject) => this.#names.definitions.get(subject.type.text));
    const found = targets.some((target) => target === undefined || !target.complete || target.byName.has(arrow.permission.text));
    if (!found) {
      this.#diagnostics.warning(arrow.permission, `no type that ${quote(arrow.tupleset.text)} allows has ${quote(arrow.permission.text)}: the arrow reaches nobody`);
    }
  }
}
