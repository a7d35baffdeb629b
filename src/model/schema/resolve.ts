import { quote } from "../object.js";
import type { Diagnostics } from "./diagnostics.js";
import { Inclusions, type Members } from "./partials.js";
import type { CaveatSyntax, DeclarationSyntax, DefinitionSyntax, SchemaSyntax, UseFlag } from "./syntax.js";

/** The names of a schema, looked up; partials are gone. */
export interface Names {
  readonly definitions: ReadonlyMap<string, ResolvedDefinition>;
  readonly caveats: ReadonlyMap<string, CaveatSyntax>;
  readonly flags: ReadonlySet<UseFlag>;
}

export interface ResolvedDefinition extends Members {
  readonly syntax: DefinitionSyntax;
}

/** Reports duplicate names and what is wrong with partials. */
export function resolveNames(syntax: SchemaSyntax, diagnostics: Diagnostics): Names {
  const partials = unique(syntax.declarations, isPartial, diagnostics);
  // Definitions and caveats share their names, as SpiceDB has it.
  const others = unique(syntax.declarations, (declaration) => (isPartial(declaration) ? undefined : declaration), diagnostics);
  const inclusions = new Inclusions(partials, diagnostics);
  const definitions = new Map<string, ResolvedDefinition>();
  const caveats = new Map<string, CaveatSyntax>();
  // A partial that nothing includes is checked too.
  for (const partial of partials.values()) inclusions.membersOf(partial);
  for (const [name, declaration] of others) {
    if (declaration.kind === "caveat") {
      caveats.set(name, declaration);
      continue;
    }
    definitions.set(name, { ...inclusions.membersOf(declaration), syntax: declaration });
  }
  refuseReservedCaveat(caveats, diagnostics);
  return { definitions, caveats, flags: new Set(syntax.uses.map((use) => use.flag)) };
}

function isPartial(declaration: DeclarationSyntax): DefinitionSyntax | undefined {
  return declaration.kind === "partial" ? declaration : undefined;
}

/** `expiration` in `with expiration` is never a caveat, whether `use expiration` is there or not. */
function refuseReservedCaveat(caveats: ReadonlyMap<string, CaveatSyntax>, diagnostics: Diagnostics): void {
  const caveat = caveats.get("expiration");
  if (caveat !== undefined) diagnostics.error(caveat.name, "caveat cannot be named `expiration`: `with expiration` means the expiration of a tuple");
}

function unique<Kept extends DeclarationSyntax>(
  declarations: readonly DeclarationSyntax[],
  keep: (declaration: DeclarationSyntax) => Kept | undefined,
  diagnostics: Diagnostics,
): Map<string, Kept> {
  const byName = new Map<string, Kept>();
  for (const declaration of declarations) {
    const kept = keep(declaration);
    if (kept === undefined) continue;
    const name = kept.name.text;
    const first = byName.get(name);
    if (first === undefined) byName.set(name, kept);
    else diagnostics.error(kept.name, `${quote(name)} is the name of a ${first.kind} already`);
  }
  return byName;
}
