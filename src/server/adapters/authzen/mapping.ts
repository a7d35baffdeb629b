import { z } from "zod";

import { limits } from "../../../base/limits.js";
import { loadMapping, name, oneOrMore, template, typeName } from "../mapping-file.js";

/** `subject.id`, `resource.properties.owner`, `context.region`: what of a question a tuple may be made of. */
const placeholder = /^(subject\.(type|id|properties\..+)|resource\.(type|id|properties\..+)|action\.(name|properties\..+)|context\..+)$/;

const text = () => template((each) => placeholder.test(each));

const tuple = z.strictObject({
  /** For which questions; absent: for all. */
  when: z.strictObject({ subject: oneOrMore(typeName()).optional(), action: oneOrMore(name()).optional(), resource: oneOrMore(typeName()).optional() }).optional(),
  object: z.strictObject({ type: typeName(), id: text() }),
  relation: name(),
  subject: z.strictObject({ type: typeName(), id: text(), relation: name().optional() }),
});

const schema = z.strictObject({ contextualTuples: z.array(tuple).max(limits.contextualTuplesMax, `has more than ${limits.contextualTuplesMax} entries`).prefault([]) });

/** One kind of contextual tuple that questions bring. */
export type TupleMapping = z.output<typeof tuple>;

/** How what AuthZEN sends becomes more than a check's context. */
export type AuthzenMapping = z.output<typeof schema>;

export const noMapping: AuthzenMapping = { contextualTuples: [] };

/** @throws `invalid_configuration` */
export function loadAuthzenMapping(path: string): Promise<AuthzenMapping> {
  return loadMapping(path, schema);
}
