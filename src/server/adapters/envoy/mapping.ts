import { z } from "zod";

import { limits } from "../../../base/limits.js";
import { loadMapping, name, oneOrMore, template, typeName } from "../mapping-file.js";
import { PathTemplate } from "./path.js";

/** Where a part of a check may come from. */
const placeholder = /^(path\.[A-Za-z_][A-Za-z0-9_]*|header\.[a-z0-9!#$%&'*+.^_`|~-]+|extension\..+|metadata:[^/]+(\/[^/]+)+|source\.(principal|address)|method|host)$/;

/** What a header may be made of beside them. */
const outcomePlaceholder = /^(zookie|request_id|(object|subject)\.(type|id))$/;

/** The statuses that Envoy knows and that let nobody in. */
const denyingStatuses: ReadonlySet<number> = new Set([
  301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 426, 428, 429, 431, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
]);

const headerName = () => z.string().regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, "is no name of a header in lower case");

const ownHeader = () => headerName().refine((text) => text !== "host", "cannot be changed");

const input = () => template((each) => placeholder.test(each));

const output = () => template((each) => placeholder.test(each) || outcomePlaceholder.test(each));

const denial = z.strictObject({
  status: z.number().refine((status) => denyingStatuses.has(status), "is no status that denies: give one from 300 on that Envoy knows").default(403),
  headers: z.record(ownHeader(), template((each) => each === "request_id")).default({}),
  body: z.string().max(limits.errorMessageBytesMax).default(""),
});

const rule = z
  .strictObject({
    method: oneOrMore(z.string().regex(/^[A-Z]+$/, "is no method: write it in capitals")).optional(),
    path: z.string().transform((text, context) => {
      const parsed = PathTemplate.parse(text);
      if (typeof parsed !== "string") return parsed;
      context.addIssue({ code: "custom", message: parsed });
      return z.NEVER;
    }),
    headers: z.record(headerName(), z.string()).default({}),
    object: z.strictObject({ type: typeName(), id: input() }),
    permission: name(),
    subject: z.strictObject({ type: typeName(), id: input(), relation: name().optional() }),
    context: z.record(name(), z.union([input(), z.number(), z.boolean()])).default({}),
    allowed: z.strictObject({ headers: z.record(ownHeader(), output()).default({}), remove: z.array(ownHeader()).default([]), responseHeaders: z.record(ownHeader(), output()).default({}) }).prefault({}),
    denied: denial.optional(),
  })
  .superRefine(({ path, object, subject, context, allowed }, issues) => {
    const templates = [object.id, subject.id, ...Object.values(context), ...Object.values(allowed.headers), ...Object.values(allowed.responseHeaders)];
    for (const each of templates) {
      if (typeof each !== "object") continue;
      for (const named of each.names) {
        if (named.startsWith("path.") && !path.names.includes(named.slice(5))) issues.addIssue({ code: "custom", message: `has the placeholder \`{${named}}\`, which its path has not` });
      }
    }
  });

const schema = z.strictObject({
  /** The first that matches counts. */
  rules: z.array(rule).min(1, "is empty: nothing would ever be let through").max(limits.envoyRulesMax, `has more than ${limits.envoyRulesMax} entries`),
  /** What a client gets whom the check denied, where its rule says nothing else. */
  denied: denial.prefault({}),
  /** What it gets where no rule matches. */
  unmatched: denial.prefault({}),
  /** What it gets where a rule matches, and nothing says who asks. */
  unidentified: denial.prefault({ status: 401 }),
});

export type EnvoyRule = z.output<typeof rule>;
export type EnvoyDenial = z.output<typeof denial>;

/** Which check a request through Envoy is. */
export type EnvoyMapping = z.output<typeof schema>;

/** @throws `invalid_configuration` */
export function loadEnvoyMapping(path: string): Promise<EnvoyMapping> {
  return loadMapping(path, schema);
}
