import { Option, type Command } from "commander";
import { UsherError } from "../base/errors.js";
import { checkFilter, isEmptyFilter, type TupleFilter } from "../model/filter.js";
import { quote } from "../model/object.js";
import { parseObject, parseSubject, parseTuple } from "../model/tuple-text.js";

/** The options that choose tuples. */
export interface FilterOptions {
  readonly objectType?: string;
  readonly objectId?: string;
  readonly objectPrefix?: string;
  readonly relation?: string;
  readonly subjectType?: string;
  readonly subjectId?: string;
  readonly subjectRelation?: string;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option("--object-type <type>", "tuples on objects of this type")
    .option("--object-id <id>", "on this object; needs --object-type")
    .addOption(new Option("--object-prefix <text>", "on objects whose id begins so; needs --object-type").conflicts("objectId"))
    .option("--relation <name>", "of this relation; needs --object-type")
    .option("--subject-type <type>", "with subjects of this type")
    .option("--subject-id <id>", "with this subject, `*` for the wildcard; needs --subject-type")
    .option("--subject-relation <name>", "with usersets of this relation, empty for none; needs --subject-type");
}

/** @throws `invalid_filter`, `invalid_name`, `invalid_id` */
export function filterOf(options: FilterOptions): TupleFilter {
  const { objectType, objectId, objectPrefix, relation, subjectType, subjectId, subjectRelation } = options;
  return checkFilter(withoutUndefined({ objectType, objectId, objectIdPrefix: objectPrefix, relation, subjectType, subjectId, subjectRelation }));
}

/** What the options choose, or nothing where none was given. */
export function filtersOf(options: FilterOptions): TupleFilter[] {
  const filter = filterOf(options);
  return isEmptyFilter(filter) ? [] : [filter];
}

export const filterForm = "FILTER: a tuple, or words such as `object=node:n1 relation=operator subject=user:ana object-type=node subject-type=user`";

const words: Readonly<Record<string, (value: string) => TupleFilter>> = {
  object: (value) => {
    const { type, id } = parseObject(value);
    return { objectType: type, objectId: id };
  },
  "object-type": (objectType) => ({ objectType }),
  "object-id": (objectId) => ({ objectId }),
  "object-prefix": (objectIdPrefix) => ({ objectIdPrefix }),
  relation: (relation) => ({ relation }),
  subject: (value) => {
    const { type, id, relation } = parseSubject(value);
    return { subjectType: type, subjectId: id, subjectRelation: relation };
  },
  "subject-type": (subjectType) => ({ subjectType }),
  "subject-id": (subjectId) => ({ subjectId }),
  "subject-relation": (subjectRelation) => ({ subjectRelation }),
};

/**
 * A filter as one argument: `node:n1#operator@user:ana`, or `object-type=node subject=user:ana`. Neither ids
 * nor names hold white space, so words are told apart by it.
 * @throws `invalid_filter`, and what `parseTuple` throws
 */
export function parseFilter(text: string): TupleFilter {
  if (!/^\s*[a-z-]+=/.test(text)) {
    const { object, relation, subject } = parseTuple(text);
    return { objectType: object.type, objectId: object.id, relation, subjectType: subject.type, subjectId: subject.id, subjectRelation: subject.relation };
  }
  let filter: TupleFilter = {};
  for (const word of text.trim().split(/\s+/)) {
    const at = word.indexOf("=");
    const read = Object.hasOwn(words, word.slice(0, at)) ? words[word.slice(0, at)] : undefined;
    if (read === undefined) throw new UsherError("invalid_filter", `filter word ${quote(word)} is unknown: use ${Object.keys(words).map((name) => `\`${name}=\``).join(", ")}`);
    const fields = read(word.slice(at + 1));
    const twice = Object.keys(fields).find((field) => field in filter);
    if (twice !== undefined) throw new UsherError("invalid_filter", `filter ${quote(text)} says twice what its \`${twice}\` is`);
    filter = { ...filter, ...fields };
  }
  return checkFilter(filter);
}

function withoutUndefined(filter: { [Field in keyof TupleFilter]?: string | undefined }): TupleFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
