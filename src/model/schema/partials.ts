import { limits } from "../../base/limits.js";
import { quote } from "../object.js";
import type { Diagnostics } from "./diagnostics.js";
import type { Span } from "./source.js";
import type { DefinitionSyntax, MemberSyntax } from "./syntax.js";

/** A member that holds something of its own. */
export type OwnMember = Exclude<MemberSyntax, { readonly kind: "include" }>;

/** The members of a definition or partial, those that it includes among them, in order. */
export interface Members {
  readonly byName: ReadonlyMap<string, OwnMember>;
  /** False when something may be missing, because it could not be read or found. */
  readonly complete: boolean;
}

const none: Members = { byName: new Map(), complete: false };

/**
 * Puts the members of partials where `...name` includes them. Each partial is worked out once, so that
 * partials that include each other many times over cost no more than their text; and all members that are
 * put anywhere are counted, against `limits.schemaMembersMax`.
 */
export class Inclusions {
  readonly #partials: ReadonlyMap<string, DefinitionSyntax>;
  readonly #diagnostics: Diagnostics;
  readonly #known = new Map<DefinitionSyntax, Members>();
  /** The partials being worked out, outermost first. */
  readonly #open: DefinitionSyntax[] = [];
  #count = 0;

  constructor(partials: ReadonlyMap<string, DefinitionSyntax>, diagnostics: Diagnostics) {
    this.#partials = partials;
    this.#diagnostics = diagnostics;
  }

  /** Duplicate names, unknown partials and partials that include themselves are reported. */
  membersOf(owner: DefinitionSyntax): Members {
    const known = this.#known.get(owner);
    if (known !== undefined) return known;
    this.#open.push(owner);
    const members = this.#gather(owner);
    this.#open.pop();
    this.#known.set(owner, members);
    return members;
  }

  #gather(owner: DefinitionSyntax): Members {
    const byName = new Map<string, OwnMember>();
    let complete = owner.complete;
    const put = (member: OwnMember, place: Span, taken: string) => {
      const name = member.name.text;
      if (byName.has(name)) return this.#diagnostics.error(place, `${quote(owner.name.text)} already has ${quote(name)}${taken}`);
      if (++this.#count === limits.schemaMembersMax + 1) {
        this.#diagnostics.error(owner.name, `schema has more than ${limits.schemaMembersMax} relations and permissions, counted wherever they are included`);
      }
      byName.set(name, member);
    };
    for (const member of owner.members) {
      if (this.#count > limits.schemaMembersMax) return { byName, complete: false };
      if (member.kind !== "include") {
        put(member, member.name, ": relations and permissions share their names");
        continue;
      }
      const included = this.#included(member.name);
      complete &&= included.complete;
      for (const inner of included.byName.values()) put(inner, member, `, which partial ${quote(member.name.text)} brings in again`);
    }
    return { byName, complete };
  }

  #included(name: DefinitionSyntax["name"]): Members {
    const partial = this.#partials.get(name.text);
    if (partial === undefined) {
      this.#diagnostics.error(name, `unknown partial ${quote(name.text)}: define it with \`partial ${name.text} { … }\``);
      return none;
    }
    const at = this.#open.indexOf(partial);
    if (at < 0) return this.membersOf(partial);
    const path = [...this.#open.slice(at), partial].map((open) => open.name.text).join(" -> ");
    this.#diagnostics.error(name, `partial ${quote(name.text)} includes itself: ${quote(path)}`);
    return none;
  }
}
