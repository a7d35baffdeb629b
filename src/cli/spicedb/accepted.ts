import { limits } from "../../base/limits.js";
import { quote } from "../../model/object.js";
import type { Schema } from "../../model/schema/schema.js";
import { isWildcard } from "../../model/subject.js";
import type { Tuple } from "../../model/tuple.js";

/** What SpiceDB's API takes for an id, for the name of a relation or permission, and for that of a definition or caveat. */
const idPattern = /^[a-zA-Z0-9/_|\-=+]+$/;
const namePattern = /^[a-z][a-z0-9_]{1,62}[a-z0-9]$/;
const typePattern = /^([a-z][a-z0-9_]{1,61}[a-z0-9]\/)*[a-z][a-z0-9_]{1,62}[a-z0-9]$/;

/** Why SpiceDB would refuse the tuple; undefined: it would not for its names and ids. */
export function refusedBySpiceDb({ object, relation, subject, condition }: Tuple): string | undefined {
  if (!typePattern.test(object.type)) return `type ${quote(object.type)} is no name there`;
  if (!isId(object.id)) return idText(object.id);
  if (!namePattern.test(relation)) return `relation ${quote(relation)} is no name there`;
  if (!typePattern.test(subject.type)) return `type ${quote(subject.type)} is no name there`;
  if (!isWildcard(subject) && !isId(subject.id)) return idText(subject.id);
  if (subject.relation !== "" && !namePattern.test(subject.relation)) return `relation ${quote(subject.relation)} is no name there`;
  if (condition !== undefined && !typePattern.test(condition.name)) return `caveat ${quote(condition.name)} is no name there`;
  return undefined;
}

/** The names of a schema that SpiceDB would refuse it for. */
export function namesRefusedBySpiceDb({ definitions, conditions }: Schema): string[] {
  const types = [...definitions.keys(), ...conditions.keys()].filter((name) => !typePattern.test(name));
  const members = [...definitions.values()].flatMap(({ name, members: all }) => [...all.keys()].filter((member) => !namePattern.test(member)).map((member) => `${name}#${member}`));
  return [...types, ...members];
}

function isId(id: string): boolean {
  return idPattern.test(id) && id.length <= limits.idBytesMax;
}

function idText(id: string): string {
  return `id ${quote(id)} is none there: letters, digits and /_|-=+`;
}
