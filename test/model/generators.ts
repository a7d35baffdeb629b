import fc from "fast-check";

import { emptyContext, type Context } from "../../src/model/context.js";
import type { ObjectRef } from "../../src/model/object.js";
import { wildcardId, type SubjectRef } from "../../src/model/subject.js";

/** Records as our own code makes them. */
export const plain = { noNullPrototype: true } as const;

/** Valid ids, above all those that look like the syntax around them. */
export const ids: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom("[", "]", '"', "\\", ":", "@", "*", "/", "{", "}", "//", "...", "é", "e\u0301", "😀", "👩‍💻".replaceAll("\u200d", ""), "\u{10ffff}", "ß", "漢"), fc.stringMatching(/^[a-z0-9._|=+-]{1,4}$/)), {
    minLength: 1,
    maxLength: 12,
  })
  .map((parts) => parts.join(""))
  .filter((id) => id !== wildcardId);

export const names: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,10}$/);

export const types: fc.Arbitrary<string> = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));

export const objects: fc.Arbitrary<ObjectRef> = fc.record({ type: types, id: ids }, plain);

export const subjects: fc.Arbitrary<SubjectRef> = fc.oneof(
  fc.record({ type: types, id: ids, relation: fc.oneof(fc.constant(""), names) }, plain),
  fc.record({ type: types, id: fc.constant(wildcardId), relation: fc.constant("") }, plain),
);

export const contexts: fc.Arbitrary<Context> = fc
  .dictionary(fc.oneof(names, fc.string({ unit: "grapheme" })), fc.jsonValue({ maxDepth: 3, stringUnit: "grapheme" }), { maxKeys: 4 })
  .map((value) => JSON.stringify(value))
  .filter((json) => !json.includes("__proto__"))
  .map((json) => (json === "{}" ? emptyContext : (JSON.parse(json) as Context)));
